"""The environment of a stack: complete, and nothing leaves the machine."""

import os
import stat
import sys
from pathlib import Path

import pytest

from devstack import environment
from devstack.environment import Secrets
from devstack.paths import CHECKOUT
from devstack.ports import Ports

PORTS = Ports(postgres=1, valkey=2, web=3, twilio=4)


@pytest.fixture
def made(tmp_path: Path) -> Secrets:
    return environment.kept_secrets(tmp_path / "secrets.json")


def compute(given: dict[str, str], made: Secrets, **options: bool) -> dict[str, str]:
    return environment.compute(
        given, ports=PORTS, made=made, database_url="postgres://d", redis_url="redis://r", mark="m", **options
    )


def test_an_empty_environment_gets_everything_that_is_required(made: Secrets) -> None:
    computed = compute({}, made)

    required = {"DJANGO_SECRET_KEY", "ALLOWED_HOSTS", "TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_PHONE_NUMBER"}
    assert {name for name in required if not computed.get(name)} == set()
    assert (computed["DATABASE_URL"], computed["REDIS_URL"]) == ("postgres://d", "redis://r")
    assert (computed["PORT"], computed["TWILIO_EMULATOR_PORT"]) == ("3", "4")
    assert computed["PUBLIC_BASE_URL"] == "http://127.0.0.1:3"
    assert computed["DEBUG"] == "false"


def test_texts_stay_here_whatever_the_caller_has_set(made: Secrets) -> None:
    given = {
        "TWILIO_BASE_URL": "https://api.twilio.com",
        "TWILIO_ACCOUNT_SID": "real",
        "TWILIO_AUTH_TOKEN": "real",
        "TWILIO_PHONE_NUMBER": "+15005550006",
    }

    computed = compute(given, made)

    assert computed["TWILIO_BASE_URL"] == "http://127.0.0.1:4"
    assert "real" not in computed.values()
    assert computed["TWILIO_PHONE_NUMBER"] == environment.TWILIO_PHONE_NUMBER


def test_other_settings_of_the_caller_win(made: Secrets) -> None:
    assert compute({"DEBUG": "true", "LOG_FORMAT": "json", "TZ": "Asia/Tokyo"}, made, debug=False).items() >= {
        ("DEBUG", "true"),
        ("LOG_FORMAT", "json"),
        ("TZ", "Asia/Tokyo"),
    }


def test_a_variable_set_to_nothing_counts_as_unset(made: Secrets) -> None:
    assert compute({"DJANGO_SECRET_KEY": ""}, made)["DJANGO_SECRET_KEY"] == made.django


def test_the_site_answers_here_besides_the_hosts_of_the_caller(made: Secrets) -> None:
    hosts = compute({"ALLOWED_HOSTS": "booking.example.com"}, made)["ALLOWED_HOSTS"]

    assert hosts == "booking.example.com,127.0.0.1,localhost"


def test_programs_of_this_environment_come_first(made: Secrets) -> None:
    assert compute({"PATH": "/bin"}, made)["PATH"] == f"{Path(sys.executable).parent}{os.pathsep}/bin"


def test_secrets_are_made_once_and_for_their_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"

    first = environment.kept_secrets(path)

    assert environment.kept_secrets(path) == first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len({first.django, first.postgres, first.valkey, first.twilio}) == 4


def test_env_example_can_be_sourced_by_a_shell() -> None:
    result = os.popen(f"set -eu; set -a; . {CHECKOUT}/.env.example; env").read()  # noqa: S605

    assert "TWILIO_BASE_URL=https://api.twilio.com\n" in result
    assert "DEBUG=off\n" in result
