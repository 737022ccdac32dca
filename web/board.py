"""A salon's day as its page draws it: chairs as columns, times as the salon's clock shows them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.translation import gettext

from appointment.day import Day, PersonsDay, Stretch, Visit
from appointment.models import Appointment, Block
from schedule.chairs import chairs_of
from schedule.models import Chair
from schedule.spans import Span, merged, moment, seconds, without
from web.text_states import badge_of

# What is drawn of a visit that has no end.
UNKNOWN_LENGTH = timedelta(minutes=30)
FIRST_HOUR, LAST_HOUR = 8, 19
MOVABLE = (Appointment.Status.BOOKED, Appointment.Status.ARRIVED, Appointment.Status.IN_SERVICE)


def columns_of(day: Day) -> list[Chair]:
    """The chairs from left to right; a booking in a column that has no chair any more is still seen."""
    known = {chair.column_id for chair in day.chairs}
    used = {visit.booking.column_id for visit in day.visits}
    used |= {block.column_id for block in day.blocks if block.column_id is not None}
    return day.chairs + [Chair(column_id=number, name=_unnamed(number)) for number in sorted(used - known)]


def board_of(day: Day) -> dict[str, Any]:
    """All that the page's script needs; JSON."""
    zone = day.salon.zone
    chairs = columns_of(day)
    names = {person.user_id: person.name for person in day.people}
    shown = [visit for visit in day.visits if visit.booking.status != Appointment.Status.CANCELLED]
    edges = [edge for visit in shown for edge in (visit.booking.appointment_time, _end_of(visit.booking))]
    edges += [edge for block in day.blocks for edge in (block.starts_at, block.ends_at)]
    edges += [edge for person in day.people for span in person.working for edge in (span.begins_at, span.ends_at)]
    first, last = _hours(day, edges)
    return {
        "date": day.date.isoformat(),
        "offset": _offset(day.begins_at + (day.ends_at - day.begins_at) / 2, zone),
        "from": f"{first:02}:00",
        "to": f"{last:02}:00",
        "chairs": [{"id": str(chair.column_id), "title": chair.name} for chair in chairs],
        "visits": [_visit(visit, zone) for visit in day.visits],
        "blocks": [_block(block, names, zone) for block in day.blocks],
        "closed": [row for chair in chairs for row in _closed(chair, day, zone)],
        "away": [
            {"name": person.name, "from": _clock(span.begins_at, zone), "to": _clock(span.ends_at, zone)}
            for person in day.people
            for span in person.away
        ],
    }


def _visit(visit: Visit, zone: ZoneInfo) -> dict[str, Any]:
    booking = visit.booking
    badge = badge_of(visit.texts, is_opted_out=visit.opted_out)
    services = booking.services
    return {
        "id": booking.pk,
        "chair": str(booking.column_id),
        "start": _wall(booking.appointment_time, zone),
        "end": _wall(_end_of(booking), zone),
        "ends": booking.end_time is not None,
        "status": booking.status,
        "customer": str(booking.customer),
        "person": str(booking.user),
        "what": ", ".join(service.name for service in services) or booking.comment,
        "colour": next((service.colour for service in services if service.colour), ""),
        "text": badge.state,
        "textLabel": str(badge.label),
        "movable": booking.status in MOVABLE,
        "version": booking.modified.isoformat(),
    }


def _block(block: Block, names: dict[int, str], zone: ZoneInfo) -> dict[str, Any]:
    return {
        "id": block.pk,
        "chair": None if block.column_id is None else str(block.column_id),
        "person": names.get(block.user_id or 0, ""),
        "label": block.label or gettext("Blocked"),
        "start": _wall(block.starts_at, zone),
        "end": _wall(block.ends_at, zone),
    }


def _closed(chair: Chair, day: Day, zone: ZoneInfo) -> list[dict[str, str]]:
    """When nobody can be booked at a chair: the salon is closed, or none of those who work there does."""
    whole: Span = (seconds(day.begins_at), seconds(day.ends_at))
    only_for = {person.pk for person in chair.people.all()} if chair.pk else set()
    people = [person for person in day.people if not only_for or person.user_id in only_for]
    is_open = [whole] if not people or not all(person.plans_hours for person in people) else _open(people)
    closed = without([whole], without(is_open, _spans(day.closed)))
    return [
        {"chair": str(chair.column_id), "start": _wall(moment(begins), zone), "end": _wall(moment(ends), zone)}
        for begins, ends in closed
    ]


def _open(people: Iterable[PersonsDay]) -> list[Span]:
    return merged(span for person in people for span in without(_spans(person.working), _spans(person.away)))


def _spans(stretches: Sequence[Stretch]) -> list[Span]:
    return merged((seconds(stretch.begins_at), seconds(stretch.ends_at)) for stretch in stretches)


def _end_of(booking: Appointment) -> datetime:
    return booking.end_time or booking.appointment_time + UNKNOWN_LENGTH


def _hours(day: Day, edges: Iterable[datetime]) -> tuple[int, int]:
    """From which hour to which the day is drawn: the usual ones, and all that lies outside of them."""
    minutes = [_minute_of_day(edge, day) for edge in edges]
    first = min([FIRST_HOUR, *(minute // 60 for minute in minutes)])
    last = max([LAST_HOUR, *(-(-minute // 60) for minute in minutes)])
    return max(first, 0), min(last, 24)


def _minute_of_day(edge: datetime, day: Day) -> int:
    local = edge.astimezone(day.salon.zone)
    return (local.date() - day.date).days * 1440 + local.hour * 60 + local.minute


def _wall(at: datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).strftime("%Y-%m-%dT%H:%M:%S")


def _clock(at: datetime, zone: ZoneInfo) -> str:
    local = at.astimezone(zone)
    return "" if local.time() == time() else local.strftime("%H:%M")


def _offset(at: datetime, zone: ZoneInfo) -> str:
    text = at.astimezone(zone).strftime("%z")
    return f"{text[:3]}:{text[3:]}"


def columns_to_choose(salon: Any, chosen: int) -> list[Chair]:
    """For a form: the salon's chairs, and the column that is chosen already."""
    chairs = chairs_of(salon)
    if chosen and chosen not in {chair.column_id for chair in chairs}:
        chairs.append(Chair(column_id=chosen, name=_unnamed(chosen)))
    return chairs


def _unnamed(column_id: int) -> str:
    return gettext("Chair %(number)d") % {"number": column_id}
