"""Times that can be booked, or cannot: free slots, and the visits that a rule makes."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from appointment import availability
from schedule import spans


@extend_schema_field({"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$"})
class OnTheClockField(serializers.DateTimeField):
    """What the salon's clock shows, without an offset; for answers."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(format="%Y-%m-%dT%H:%M:%S", default_timezone=None, read_only=True, **kwargs)


class OccurrenceSerializer(serializers.Serializer[Any]):
    """A visit by a series' rule; ``code`` and ``message`` say why it cannot be booked, and are null where it can."""

    position = serializers.IntegerField(help_text="Its place in the series, from 1.")
    on_the_clock = OnTheClockField(help_text="Where the rule puts it, on the salon's clock.")
    appointment_time = serializers.DateTimeField(source="starts_at", help_text="The moment of that, in UTC.")
    is_shifted = serializers.BooleanField(
        help_text="The clock never shows that time, as it is put forward then: the visit begins as it is."
    )
    can_be_booked = serializers.BooleanField()
    code = serializers.CharField(source="refusal.code", default=None, allow_null=True)
    message = serializers.CharField(source="refusal.message", default=None, allow_null=True)


class SlotSerializer(serializers.Serializer[Any]):
    """A time at which a visit can be booked: with ``slot``, or with what it says."""

    slot = serializers.CharField(source="key", help_text="For the field of that name in a new booking.")
    user = serializers.IntegerField(source="user_id")
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    column_ids = serializers.ListField(child=serializers.IntegerField(), help_text="Chairs that are free; any will do.")


@lru_cache(maxsize=10_000)
def _iso(at: int) -> str:
    """Seconds since 1970 as in every answer; a month has few of them, and each chair and person the same."""
    return f"{spans.moment(at):%Y-%m-%dT%H:%M:%SZ}"


def as_json(slots: Iterable[availability.Slot]) -> list[dict[str, Any]]:
    """What `SlotSerializer` would say of thousands of slots, in a tenth of the time."""
    return [
        {
            "slot": slot.key,
            "user": slot.user_id,
            "starts_at": _iso(slot.begins),
            "ends_at": _iso(slot.ends),
            "column_ids": slot.column_ids,
        }
        for slot in slots
    ]


class AvailabilitySerializer(serializers.Serializer[Any]):
    """The free slots of a person, by when they begin."""

    user = serializers.IntegerField()
    slots = SlotSerializer(many=True)
