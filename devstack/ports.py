"""Ports: chosen once, kept beside the data, moved only when somebody else has taken one."""

import json
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from devstack.errors import DevstackError, PortTaken

HOST = "127.0.0.1"
WEB_PORT = 8000
TWILIO_PORT = 4010
SEARCHED_PORTS = 200


@dataclass(frozen=True)
class Ports:
    """The ports of one stack."""

    postgres: int
    valkey: int
    web: int
    twilio: int


def is_free(port: int) -> bool:
    """Whether a server could listen on `port` of this machine now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def any_free(taken: set[int] | None = None) -> int:
    """A port that the system says is free and that is not in `taken`."""
    while True:
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            port = int(probe.getsockname()[1])
        if port not in (taken or set()):
            return port


def next_free(wanted: int, taken: set[int]) -> int:
    """The first free port from `wanted` upwards."""
    for port in range(wanted, min(wanted + SEARCHED_PORTS, 65536)):
        if port not in taken and is_free(port):
            return port
    return any_free(taken)


def choose(
    kept_in: Path,
    environ: Mapping[str, str],
    *,
    web: int | None = WEB_PORT,
    twilio: int | None = TWILIO_PORT,
    say: Callable[[str], None] = print,
) -> Ports:
    """The ports of a stack: those asked for in `environ`, else those of last time, else new ones.

    `web` and `twilio` are the numbers to prefer, `None` for any free one. What was chosen is kept in
    the file `kept_in`. Raises `PortTaken` where `PORT` or `TWILIO_EMULATOR_PORT` names a busy port.
    """
    kept = _read(kept_in)
    chosen: dict[str, int] = {}
    for name, variable, wanted in (
        ("web", "PORT", web),
        ("twilio", "TWILIO_EMULATOR_PORT", twilio),
        ("postgres", "", None),
        ("valkey", "", None),
    ):
        taken = set(chosen.values())
        if variable and environ.get(variable):
            chosen[name] = _asked_for(variable, environ[variable], taken)
        else:
            chosen[name] = _kept_or_new(name, kept.get(name), wanted, taken, say)
    kept_in.write_text(json.dumps(chosen))
    return Ports(**chosen)


def _read(kept_in: Path) -> dict[str, int]:
    try:
        kept = json.loads(kept_in.read_text())
        return {str(name): int(port) for name, port in kept.items()}
    except (OSError, ValueError, AttributeError):
        return {}


def _asked_for(variable: str, value: str, taken: set[int]) -> int:
    if not value.isdigit() or not 0 < int(value) < 65536:
        raise DevstackError(f"{variable}={value} is not a port number (1-65535).")
    port = int(value)
    if port in taken or not is_free(port):
        raise PortTaken(
            f"Port {port} ({variable} in the environment) is taken: free it, name another, "
            f"or unset {variable} and a free one is chosen."
        )
    return port


def _kept_or_new(name: str, kept: int | None, wanted: int | None, taken: set[int], say: Callable[[str], None]) -> int:
    if kept and kept not in taken and is_free(kept):
        return kept
    if wanted is None:
        return any_free(taken)
    port = next_free(wanted, taken)
    if port != wanted:
        say(f"Port {wanted} is taken; {name} uses {port}.")
    return port
