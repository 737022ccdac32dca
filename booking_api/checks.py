"""System checks: what is missing in production is named before any process takes work."""

import io
import sys
from typing import Any
from zoneinfo import available_timezones

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.management import call_command
from django.core.management.base import SystemCheckError

from booking_api.environment import CANNOT_START

REQUIRED_WITH_DEBUG_OFF = (
    "ALLOWED_HOSTS",
    "TWILIO_ACCOUNT_SID",
    "TWILIO_AUTH_TOKEN",
    "TWILIO_PHONE_NUMBER",
)


@register(Tags.security)
def check_required_variables(**kwargs: Any) -> list[CheckMessage]:
    if settings.DEBUG:
        return []
    missing = [name for name in REQUIRED_WITH_DEBUG_OFF if not getattr(settings, name)]
    if settings.SECRET_KEY == settings.DEVELOPMENT_SECRET_KEY:
        missing.insert(0, "DJANGO_SECRET_KEY")
    return [
        Error(
            f"{name} is not set.",
            hint=f"Set the environment variable {name} (.env.example says to what), or DEBUG=on for development.",
            id=f"booking.E{number:03}",
        )
        for number, name in enumerate(missing, start=1)
    ]


@register(Tags.compatibility)
def check_default_timezone(**kwargs: Any) -> list[CheckMessage]:
    if settings.DEFAULT_TIMEZONE in available_timezones():
        return []
    return [
        Error(
            f"DEFAULT_TIMEZONE is no time zone: {settings.DEFAULT_TIMEZONE}.",
            hint="Use an IANA name such as Europe/London.",
            id="booking.E101",
        )
    ]


@register(Tags.compatibility)
def check_lease_outlasts_timeouts(**kwargs: Any) -> list[CheckMessage]:
    shortest = 2 * settings.SMS_HTTP_TIMEOUT_SECONDS
    if shortest < settings.SMS_CLAIM_LEASE_SECONDS:
        return []
    return [
        Error(
            "SMS_CLAIM_LEASE_SECONDS must be more than twice SMS_HTTP_TIMEOUT_SECONDS.",
            hint=f"A text could be taken from its worker while Twilio is being asked; set it above {shortest:g}.",
            id="booking.E100",
        )
    ]


def check_or_exit() -> None:
    """Run the system checks in a process that manage.py did not start; end it with their words if one fails."""
    try:
        call_command("check", stdout=io.StringIO())
    except SystemCheckError as error:
        print(error, file=sys.stderr)  # noqa: T201
        sys.exit(CANNOT_START)
