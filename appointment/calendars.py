"""Visits and blocks as iCalendar (RFC 5545), for the calendars that people have already (docs/adr/0016).

Times are in UTC, which every calendar shows on its reader's own clock. An entry is known by its UID for good; of two
versions the one with the higher SEQUENCE is the newer, or else the one stamped later.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet
from icalendar import Calendar, Event, vDuration

from appointment.models import Appointment, Block, CalendarDomain, CalendarFeed
from salon.models import Salon

CONTENT_TYPE = "text/calendar; charset=utf-8"
DAYS_BACK, DAYS_AHEAD = 30, 366
# How long a feed tells of a visit that it is cancelled or deleted, before it leaves it out.
DAYS_TO_DROP = 30
# What is shown of a visit whose end is not known.
MINUTES_WITHOUT_END = 30
REFRESH_EVERY = timedelta(minutes=15)

_Status = Appointment.Status
# STATUS and, since not every calendar heeds that, how the summary begins; a visit under way or over is still confirmed.
_SHOWN_AS = {
    _Status.OFFERED: ("TENTATIVE", "Offered: "),
    _Status.CANCELLED: ("CANCELLED", "Cancelled: "),
    _Status.NO_SHOW: ("CANCELLED", "Did not come: "),
}
# Controls and other line ends: readers that are not strict would begin a property of its own after one.
_NO_TEXT = re.compile("[\x00-\x20\x7f-\xa0\u2028\u2029]+")


@dataclass(frozen=True)
class Entry:
    """What a calendar shows of a visit or a block, and nothing that it does not: no number, no comment, no label."""

    uid: str
    sequence: int
    changed_at: datetime
    begins_at: datetime
    ends_at: datetime
    status: str
    summary: str
    location: str = ""
    description: str = ""


def entry_of(booking: Appointment, *, shows_customer: bool = True) -> Entry:
    """A visit, in whatever state it is."""
    return _visit(booking, _domain(), shows_customer=shows_customer)


def entries_of(feed: CalendarFeed, now: datetime) -> list[Entry]:
    """What a person does in the salons that they work for now, in a fixed number of queries.

    Of a person who has left, or is not active any more, there is nothing; so their calendar drops what it holds.
    """
    salons = Salon.objects.filter(staff=feed.user_id, staff__is_active=True).order_by()
    if feed.salon_id is not None:
        salons = salons.filter(pk=feed.salon_id)
    return list(_entries(feed, salons, now))


def etag_of(entries: Sequence[Entry]) -> str:
    """A strong ETag, for much less work than making the calendar."""
    return f'"{hashlib.sha256(repr(list(entries)).encode()).hexdigest()[:32]}"'


def render(entries: Iterable[Entry], name: str = "") -> bytes:
    """The calendar as it is sent.

    Args:
      name: what a calendar that subscribes to it is called, and a sign that it is to be asked for again.
    """
    calendar = Calendar()
    calendar.add("version", "2.0")
    calendar.add("prodid", "-//salon booking//calendars//EN")
    if name:
        calendar.add("name", _one_line(name))
        calendar.add("x-wr-calname", _one_line(name))
        calendar.add("refresh-interval", REFRESH_EVERY, parameters={"VALUE": "DURATION"})
        calendar.add("x-published-ttl", vDuration(REFRESH_EVERY))
    for entry in entries:
        calendar.add_component(_event(entry))
    return calendar.to_ical()


def _entries(feed: CalendarFeed, salons: QuerySet[Salon], now: datetime) -> Iterator[Entry]:
    domain = _domain()
    since, until = now - timedelta(days=DAYS_BACK), now + timedelta(days=DAYS_AHEAD)
    dropped_since = now - timedelta(days=DAYS_TO_DROP)
    with_addresses = {salon.pk: salon for salon in salons.prefetch_related("addresses")}
    of_person = {"user": feed.user_id, "salon__in": list(with_addresses)}
    in_time = {"appointment_time__gte": since, "appointment_time__lt": until}
    visits = Appointment.objects.filter(
        ~Q(status=_Status.CANCELLED) | Q(cancelled_at__gt=dropped_since), **of_person, **in_time
    )
    for booking in visits.select_related("customer").with_booked():
        booking.salon = with_addresses[booking.salon_id]  # one object for all, not one a visit
        yield _visit(booking, domain, shows_customer=feed.shows_customers)
    deleted = Appointment.history.filter(history_type="-", history_date__gt=dropped_since, **of_person, **in_time)
    for record in deleted.order_by("appointment_time", "id"):
        yield _deleted(record, domain)
    for block in Block.objects.filter(starts_at__lt=until, ends_at__gt=since, **of_person):
        yield _block(block, domain)


def _visit(booking: Appointment, domain: str, *, shows_customer: bool) -> Entry:
    status, prefix = _SHOWN_AS.get(_Status(booking.status), ("CONFIRMED", ""))
    salon, customer = booking.salon, booking.customer
    ends_at = _end(booking.appointment_time, booking.end_time)
    begins, ends = booking.appointment_time.astimezone(salon.zone), ends_at.astimezone(salon.zone)
    services = ", ".join(_one_line(service.name) for service in booking.services)
    clock = f"{begins:%H:%M} to {ends:%H:%M} on the salon's clock ({salon.timezone})"
    return Entry(
        uid=f"visit-{booking.pk}@{domain}",
        sequence=booking.calendar_sequence,
        changed_at=max(booking.modified, salon.modified, customer.modified),
        begins_at=booking.appointment_time,
        ends_at=ends_at,
        status=status,
        summary=prefix + (_one_line(str(customer)) if shows_customer else "Visit"),
        location=_place(salon),
        description="\n".join(filter(None, [services, clock])),
    )


def _deleted(record: Any, domain: str) -> Entry:
    """A visit that is no more: one version past its last, and of nobody."""
    return Entry(
        uid=f"visit-{record.id}@{domain}",
        sequence=record.calendar_sequence + 1,
        changed_at=record.history_date,
        begins_at=record.appointment_time,
        ends_at=_end(record.appointment_time, record.end_time),
        status="CANCELLED",
        summary="Cancelled: Visit",
    )


def _block(block: Block, domain: str) -> Entry:
    """Busy, and no word on why. Its seconds of life at the last change count its versions: they never go back."""
    return Entry(
        uid=f"block-{block.pk}@{domain}",
        sequence=int((block.modified - block.created).total_seconds()),
        changed_at=block.modified,
        begins_at=block.starts_at,
        ends_at=block.ends_at,
        status="CONFIRMED",
        summary="Busy",
    )


def _event(entry: Entry) -> Event:
    event = Event()
    event.add("uid", entry.uid)
    event.add("sequence", entry.sequence)
    changed_at = _utc(entry.changed_at)
    event.add("dtstamp", changed_at)
    event.add("last-modified", changed_at)
    event.add("dtstart", _utc(entry.begins_at))
    event.add("dtend", _utc(entry.ends_at))
    event.add("status", entry.status)
    event.add("transp", "TRANSPARENT" if entry.status == "CANCELLED" else "OPAQUE")
    event.add("class", "PRIVATE")
    event.add("summary", entry.summary)
    if entry.location:
        event.add("location", entry.location)
    if entry.description:
        event.add("description", entry.description)
    return event


def _domain() -> str:
    return CalendarDomain.objects.get_or_create(pk=1)[0].name


def _end(begins_at: datetime, ends_at: datetime | None) -> datetime:
    return ends_at or begins_at + timedelta(minutes=MINUTES_WITHOUT_END)


def _place(salon: Salon) -> str:
    first = min(salon.addresses.all(), key=lambda address: address.pk, default=None)
    return _one_line(f"{salon.name}, {first}" if first else salon.name)


def _one_line(text: str) -> str:
    return _NO_TEXT.sub(" ", text).strip()


def _utc(moment: datetime) -> datetime:
    """To the second: all that iCalendar can say."""
    return moment.astimezone(UTC).replace(microsecond=0)
