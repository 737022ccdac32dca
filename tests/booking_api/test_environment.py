"""A value of the environment that cannot be used is one line that names its variable."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from booking_api.environment import CANNOT_START
from devstack.paths import CHECKOUT

IN_FULL = "import django; django.setup()"


def start(**variables):
    """What a process says that has just these variables beside `DEBUG`, and its exit code."""
    environment = {"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "booking_api.settings", "DEBUG": "on"}
    result = subprocess.run(
        [sys.executable, "-c", IN_FULL],
        cwd=CHECKOUT,
        env={**environment, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    return result.returncode, result.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "nonsense"),
        ("DATABASE_URL", "mysql://user:secret@db/booking"),
        ("REDIS_URL", "localhost:6379"),
        ("SMS_HTTP_TIMEOUT_SECONDS", "five"),
        ("TRUSTED_PROXIES", "x"),
        ("LOG_LEVEL", "LOUD"),
        ("LOG_FORMAT", "xml"),
        ("EMAIL_URL", "nonsense"),
        ("PUBLIC_BASE_URL", "booking.example.com"),
        ("TWILIO_BASE_URL", "api.twilio.com"),
    ],
)
def test_unusable_value_is_named_in_one_line(name, value):
    code, said = start(**{name: value})
    assert code == CANNOT_START
    assert said.startswith(f"{name} ")
    assert said.count("\n") == 1
    assert "secret" not in said


def test_empty_and_usable_values_are_accepted():
    assert start(DATABASE_URL="postgresql://booking@db/booking", REDIS_URL="", LOG_LEVEL="info") == (0, "")
