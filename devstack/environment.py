"""The environment of every process of a stack: what `.env.example` lists, filled in for this machine."""

import json
import os
import secrets
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from devstack.ports import HOST, Ports
from devstack.processes import MARK
from twilio_emulator.settings import LOCAL_ACCOUNT_SID

TWILIO_PHONE_NUMBER = "+447400000000"


@dataclass(frozen=True)
class Secrets:
    """Made once for each stack and kept beside its data, readable by its owner only."""

    django: str
    postgres: str
    valkey: str
    twilio: str


def kept_secrets(path: Path) -> Secrets:
    """The secrets in the file `path`; new ones where there are none."""
    try:
        return Secrets(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        made = Secrets(
            django=secrets.token_urlsafe(48),
            postgres=secrets.token_hex(16),
            valkey=secrets.token_hex(16),
            twilio=secrets.token_hex(16),
        )
    path.touch(mode=0o600)
    path.write_text(json.dumps(asdict(made)))
    return made


def base_url(ports: Ports) -> str:
    return f"http://{HOST}:{ports.web}"


def twilio_url(ports: Ports) -> str:
    return f"http://{HOST}:{ports.twilio}"


def compute(
    given: Mapping[str, str],
    *,
    ports: Ports,
    made: Secrets,
    database_url: str,
    redis_url: str,
    mark: str,
    debug: bool = False,
) -> dict[str, str]:
    """The whole environment of a stack's processes.

    What `given` (the caller's environment) sets wins, but for where texts go: that is always the local
    Twilio, so that nothing leaves the machine because somebody's shell had an account's name set.
    """
    defaults = {
        "DJANGO_SECRET_KEY": made.django,
        "DEBUG": str(debug).lower(),
        "WEB_BIND": HOST,
        "LOG_FORMAT": "console",
    }
    fixed = {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "PORT": str(ports.web),
        "ALLOWED_HOSTS": ",".join(filter(None, [given.get("ALLOWED_HOSTS"), HOST, "localhost"])),
        "SECURE_SSL_REDIRECT": "false",
        "PUBLIC_BASE_URL": base_url(ports),
        "TWILIO_BASE_URL": twilio_url(ports),
        "TWILIO_ACCOUNT_SID": LOCAL_ACCOUNT_SID,
        "TWILIO_AUTH_TOKEN": made.twilio,
        "TWILIO_PHONE_NUMBER": TWILIO_PHONE_NUMBER,
        "TWILIO_EMULATOR_PORT": str(ports.twilio),
        "TWILIO_EMULATOR_INBOUND_URL": f"{base_url(ports)}/sms/inbound/",
        "DJANGO_SETTINGS_MODULE": "booking_api.settings",
        "PATH": path_with_programs(given),
        "PYTHONUNBUFFERED": "1",
        MARK: mark,
    }
    # A variable that is set to nothing counts as unset.
    return defaults | {name: value for name, value in given.items() if value or name not in defaults} | fixed


def path_with_programs(given: Mapping[str, str]) -> str:
    """PATH with this interpreter's own programs (gunicorn, dramatiq …) first."""
    return os.pathsep.join([str(Path(sys.executable).parent), given.get("PATH") or os.defpath])
