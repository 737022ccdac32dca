"""The addresses under which people's calendars are read: secret, and good until revoked (docs/adr/0016)."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from django.db.models.functions import Now
from django.utils import timezone

from appointment.models import CalendarFeed
from booking_api import credentials

LAST_FETCHED_PRECISION = timedelta(minutes=1)

_ADDRESS = re.compile(r"([0-9a-f]{12})-([0-9a-f]{64})")


def make(**fields: Any) -> tuple[CalendarFeed, str]:
    """A new feed, and the last part of its address, which is nowhere else: only a hash of its secret is stored."""
    prefix, secret, secret_hash = credentials.make()
    feed = CalendarFeed.objects.create(prefix=prefix, secret_hash=secret_hash, **fields)
    return feed, f"{prefix}-{secret}"


def find(address: str) -> CalendarFeed | None:
    """The feed of this address, unless it was revoked; notes, at most once a minute, that it was fetched."""
    parts = _ADDRESS.fullmatch(address)
    if parts is None:
        return None
    feed = CalendarFeed.objects.filter(prefix=parts[1], revoked_at=None).first()
    if feed is None or not credentials.matches(parts[2], feed.secret_hash):
        return None
    if feed.last_fetched_at is None or timezone.now() - feed.last_fetched_at >= LAST_FETCHED_PRECISION:
        CalendarFeed.objects.filter(pk=feed.pk).update(last_fetched_at=Now())
    return feed


def revoke(feed: CalendarFeed) -> None:
    """From now on its address leads nowhere; again, it changes nothing."""
    CalendarFeed.objects.filter(pk=feed.pk, revoked_at=None).update(revoked_at=Now())
