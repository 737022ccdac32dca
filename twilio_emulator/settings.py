"""What the local Twilio is told at start: flags win over the environment, which wins over local defaults."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

LOCAL_ACCOUNT_SID = "AC00000000000000000000000000000000"
LOCAL_AUTH_TOKEN = "local-auth-token"  # noqa: S105  (opens nothing but this process)


@dataclass(frozen=True)
class Settings:
    """Everything configurable. Delays count from the moment a text is accepted."""

    host: str = "127.0.0.1"
    port: int = 4010
    account_sid: str = LOCAL_ACCOUNT_SID
    auth_token: str = LOCAL_AUTH_TOKEN
    inbound_url: str = "http://127.0.0.1:8000/sms/inbound/"
    numbers: tuple[str, ...] = ()
    latency_ms: int = 0
    sent_ms: int = 50
    delivered_ms: int = 300
    keep: int = 500_000
    verbose: bool = False

    @property
    def default_number(self) -> str:
        """The business number where a request names none: a Messaging Service, a reply from a new phone."""
        return self.numbers[0] if self.numbers else "+15005550006"


def from_arguments(arguments: Sequence[str] | None = None, environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings; leaves the process with a clear line and status 2 if one is unusable."""
    parser = _parser(environment)
    values = parser.parse_args(arguments)
    if values.delivered_ms < values.sent_ms:
        parser.error("--delivered-ms must not be smaller than --sent-ms")
    values.numbers = tuple(number.strip() for number in values.numbers.split(",") if number.strip())
    return Settings(**vars(values))


def _parser(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    def env(name: str, default: str | int) -> str:
        return environment.get(name) or str(default)

    parser = argparse.ArgumentParser(prog="python -m twilio_emulator", description="A local Twilio: texts stay here.")
    add = parser.add_argument
    add("--host", default=Settings.host, help="address to listen on (%(default)s)")
    add("--port", type=_port, default=env("TWILIO_EMULATOR_PORT", Settings.port), help="0 picks a free one")
    add("--account-sid", default=env("TWILIO_ACCOUNT_SID", LOCAL_ACCOUNT_SID), help="TWILIO_ACCOUNT_SID")
    add("--auth-token", default=env("TWILIO_AUTH_TOKEN", LOCAL_AUTH_TOKEN), help="TWILIO_AUTH_TOKEN")
    add(
        "--inbound-url",
        type=_url,
        default=env("TWILIO_EMULATOR_INBOUND_URL", Settings.inbound_url),
        help="webhook that gets the phones' replies (%(default)s)",
    )
    add(
        "--numbers",
        default=env("TWILIO_PHONE_NUMBER", ""),
        help="our numbers, comma separated; any other From is refused with 21606",
    )
    for flag, default, text in (
        ("--latency-ms", Settings.latency_ms, "how long a create takes to answer"),
        ("--sent-ms", Settings.sent_ms, "accepted to sent"),
        ("--delivered-ms", Settings.delivered_ms, "accepted to delivered"),
        ("--keep", Settings.keep, "most texts kept in memory; the oldest go first"),
    ):
        add(flag, type=_count, default=default, metavar="N", help=f"{text} (%(default)s)")
    add("--verbose", action="store_true", help="log every request")
    return parser


def _port(value: str) -> int:
    if not value.isdecimal() or int(value) > 65535:
        raise argparse.ArgumentTypeError(f"{value!r} is not a port (0 to 65535)")
    return int(value)


def _count(value: str) -> int:
    if not value.isdecimal():
        raise argparse.ArgumentTypeError(f"{value!r} is not a whole number of 0 or more")
    return int(value)


def _url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise argparse.ArgumentTypeError(f"{value!r} is not an http(s) URL")
    return value
