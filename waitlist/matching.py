"""Whom a freed time suits: `appointment.availability` says what can be booked, the entry says what is wanted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet

from appointment.availability import LONGEST_RANGE_DAYS, Slot, Wanted, free_slots
from customer.phone_numbers import usable_number
from schedule.models import Service
from schedule.spans import MINUTE, Span, overlaps, seconds
from schedule.timing import busy_minutes_of, duration_of
from sms import opt_outs
from waitlist.models import Entry, FreedTime, Offer, WantedService

ONE_DAY = timedelta(days=1)
# Slots begin so far apart: every quarter of an hour, or else, where a visit began in between, every five minutes.
STEPS_MINUTES = (15, 5)


@dataclass(frozen=True)
class Match:
    """The first who waits for a time like this, and the time."""

    entry: Entry
    slot: Slot
    column_id: int


def matches(freed: FreedTime, earliest: datetime) -> Iterator[Match]:
    """Everybody whom the freed time suits, the first to come first; none of them is offered anything here.

    Args:
      earliest: slots begin later.
    """
    found: dict[tuple[Any, ...], list[Slot]] = {}  # many wait for the same
    for entry in _candidates(freed):
        services = entry.services
        if not services:
            continue
        wish = (tuple(service.pk for service in services), entry.user_id)
        if wish not in found:
            found[wish] = _slots(freed, entry, earliest)
        fitting = [slot for slot in found[wish] if fits(entry, slot)]
        if fitting:
            slot = min(fitting, key=lambda slot: _distance(slot, freed))
            is_there = freed.column_id in slot.column_ids
            yield Match(entry, slot, freed.column_id if freed.column_id and is_there else slot.column_ids[0])


def fits(entry: Entry, slot: Slot) -> bool:
    """Does the slot lie within the days and the times of day that the customer named?"""
    zone = entry.salon.zone
    begins, ends = slot.starts_at.astimezone(zone), slot.ends_at.astimezone(zone)
    if not entry.first_day <= begins.date() <= entry.last_day:
        return False
    if entry.not_before is not None and begins.time() < entry.not_before:
        return False
    return entry.not_after is None or (ends.date() == begins.date() and ends.time() <= entry.not_after)


def may_come_to_suit(freed: FreedTime) -> bool:
    """Is somebody who could be next still thinking about another time?"""
    thinking = Q(state=Entry.State.OFFERED) | Q(customer__in=_customers_who_think(freed))
    return _around(freed).filter(thinking, state__in=[Entry.State.WAITING, Entry.State.OFFERED]).exists()


def _candidates(freed: FreedTime) -> list[Entry]:
    """Who waits at the salon around that day, in turn, and can be told of it; nobody has two offers at a time."""
    waiting = _around(freed).filter(state=Entry.State.WAITING).exclude(customer__in=_customers_who_think(freed))
    entries = list(with_services(waiting).order_by("created", "id"))
    numbers = {entry.pk: usable_number(entry.customer.phone_number) for entry in entries}
    opted_out = opt_outs.among(numbers.values())
    return [entry for entry in entries if numbers[entry.pk] and numbers[entry.pk] not in opted_out]


def _around(freed: FreedTime) -> QuerySet[Entry]:
    """Those of the salon for that day who have not been offered that time before, whatever came of it."""
    zone = freed.salon.zone
    seen = Offer.objects.filter(entry=OuterRef("pk"), starts_at__lt=freed.ends_at, ends_at__gt=freed.begins_at)
    return Entry.objects.filter(
        ~Exists(seen),
        salon=freed.salon_id,
        first_day__lte=freed.ends_at.astimezone(zone).date(),
        last_day__gte=freed.begins_at.astimezone(zone).date() - ONE_DAY,
    )


def _customers_who_think(freed: FreedTime) -> list[int]:
    """Those of the salon who have an open offer: few, and asked for once instead of for every entry."""
    offers = Offer.objects.open().filter(entry__salon=freed.salon_id)
    return list(offers.values_list("entry__customer_id", flat=True))


def with_services(entries: QuerySet[Entry]) -> QuerySet[Entry]:
    wanted = Prefetch("wanted_services", WantedService.objects.select_related("service").order_by("position"))
    return entries.select_related("salon", "customer").prefetch_related(wanted)


def _slots(freed: FreedTime, entry: Entry, earliest: datetime) -> list[Slot]:
    """What can be booked of the entry's services with the freed person or at the freed chair, in the freed time."""
    zone, services = freed.salon.zone, entry.services
    begins = max(freed.begins_at - duration_of(services), earliest).astimezone(zone).date()
    ends = freed.ends_at.astimezone(zone).date()
    if begins > ends:
        return []
    ends = min(ends, begins + (LONGEST_RANGE_DAYS - 1) * ONE_DAY)
    wanted = Wanted.of_services(freed.salon, services)
    for step in STEPS_MINUTES:
        slots = free_slots(wanted, begins, ends, now=earliest, user_id=entry.user_id, step_minutes=step)
        usable = [slot for slot in slots if _is_of(freed, slot) and _touches(freed, slot, services)]
        if usable:
            return usable
    return []


def _is_of(freed: FreedTime, slot: Slot) -> bool:
    return slot.user_id == freed.user_id or freed.column_id in slot.column_ids


def _touches(freed: FreedTime, slot: Slot, services: Sequence[Service]) -> bool:
    at, minutes = seconds(slot.starts_at), busy_minutes_of(services)
    busy: list[Span] = [
        (at + first * MINUTE, at + last * MINUTE) for first, last in zip(minutes[::2], minutes[1::2], strict=True)
    ]
    return overlaps(busy, (seconds(freed.begins_at), seconds(freed.ends_at)))


def _distance(slot: Slot, freed: FreedTime) -> tuple[bool, timedelta]:
    """The slot at the beginning of the freed time is the best: it leaves the least unused."""
    return slot.starts_at < freed.begins_at, abs(slot.starts_at - freed.begins_at)
