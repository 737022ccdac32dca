"""IANA time zone names, checked once and for every door."""

from functools import cache
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError


@cache
def known_timezones() -> frozenset[str]:
    return frozenset(available_timezones())


def validate_timezone(name: str) -> None:
    """Raises:
    ValidationError: ``name`` is no IANA time zone.
    """
    if name not in known_timezones():
        raise ValidationError(
            "“%(name)s” is not a time zone; use an IANA name such as Europe/London.",
            code="unknown_timezone",
            params={"name": name},
        )
