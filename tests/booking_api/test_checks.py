"""What is missing or wrong in the environment is named before any process takes work."""

from __future__ import annotations

import pytest
from django.core.management import call_command

from booking_api.checks import REQUIRED_WITH_DEBUG_OFF, check_lease_outlasts_timeouts, check_required_variables


@pytest.fixture
def production(settings):
    """Settings of a process with DEBUG off and every variable set."""
    settings.DEBUG = False
    settings.SECRET_KEY = "a key of one's own"
    settings.ALLOWED_HOSTS = ["booking.example"]
    return settings


def test_complete_environment_is_accepted(production):
    assert check_required_variables() == []


@pytest.mark.parametrize("name", REQUIRED_WITH_DEBUG_OFF)
def test_each_missing_variable_is_named_with_a_hint(production, name):
    setattr(production, name, [] if name == "ALLOWED_HOSTS" else "")
    (error,) = check_required_variables()
    assert error.msg == f"{name} is not set."
    assert name in (error.hint or "")


def test_missing_secret_key_is_named(production):
    production.SECRET_KEY = production.DEVELOPMENT_SECRET_KEY
    (error,) = check_required_variables()
    assert error.msg == "DJANGO_SECRET_KEY is not set."


def test_everything_missing_is_named_at_once(production):
    production.SECRET_KEY = production.DEVELOPMENT_SECRET_KEY
    for name in REQUIRED_WITH_DEBUG_OFF:
        setattr(production, name, "")
    errors = check_required_variables()
    assert [error.msg.split()[0] for error in errors] == ["DJANGO_SECRET_KEY", *REQUIRED_WITH_DEBUG_OFF]
    assert len({error.id for error in errors}) == len(errors)


def test_development_needs_none_of_them(settings):
    settings.DEBUG = True
    settings.TWILIO_ACCOUNT_SID = ""
    assert check_required_variables() == []


@pytest.mark.parametrize(("lease", "accepted"), [(10.0, False), (9.0, False), (10.1, True)])
def test_lease_must_outlast_connecting_and_reading(settings, lease, accepted):
    settings.SMS_HTTP_TIMEOUT_SECONDS = 5.0
    settings.SMS_CLAIM_LEASE_SECONDS = lease
    assert (check_lease_outlasts_timeouts() == []) is accepted


@pytest.mark.django_db
def test_models_and_migrations_agree():
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)
