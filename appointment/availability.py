"""Free slots: when a visit of some services could begin, with whom, and at which chairs.

The arithmetic is on spans (`schedule.spans`): what is left of a person's hours and of a chair's day is shifted by the
visit's busy minutes, and only what remains is cut into quarters of an hour.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from django.contrib.auth import get_user_model
from django.contrib.postgres.fields.ranges import RangeEndsWith, RangeStartsWith
from django.db.models import BigIntegerField, Func, Q
from django.db.models.functions import Cast, Extract

from appointment import models
from appointment.occupancy import overlapping
from salon.models import Salon
from schedule import hours
from schedule.chairs import chairs_of
from schedule.models import Chair, Service
from schedule.spans import DAY, MINUTE, Span, merged, moment, seconds, starts, without
from schedule.timing import Timed, busy_minutes_of, duration_of
from schedule.wall_clock import quarters

if TYPE_CHECKING:
    from appointment.models import Appointment

LONGEST_RANGE_DAYS = 62
DEFAULT_STEP_MINUTES = 15
# How far around a refused time others are looked for.
NEARBY = timedelta(days=7)
LARGEST_COLUMN = 32_767
LARGEST_MINUTE = 4_102_444_800 // MINUTE  # in the year 2100


class Slot(NamedTuple):
    """When a visit could begin, with whom, and at which chairs: columns of the salon, in their order.

    ``begins`` and ``ends`` in seconds since 1970: there are thousands of slots.
    """

    user_id: int
    begins: int
    ends: int
    column_ids: Sequence[int]

    @property
    def starts_at(self) -> datetime:
        return moment(self.begins)

    @property
    def ends_at(self) -> datetime:
        return moment(self.ends)

    @property
    def key(self) -> str:
        """Names the slot, at the first of its chairs, in a booking: ``user.column.minutes since 1970``."""
        return f"{self.user_id}.{self.column_ids[0]}.{self.begins // MINUTE}"


@dataclass(frozen=True)
class Wanted:
    """What a slot is looked for: how long, when busy, and which services, none for a visit without any."""

    salon: Salon
    services: Sequence[Service]
    duration: timedelta
    busy: Sequence[Span]  # in seconds from the beginning

    @classmethod
    def of_services(cls, salon: Salon, services: Sequence[Service]) -> Wanted:
        return cls(salon, services, duration_of(services), _busy_seconds(services))

    @classmethod
    def of_booking(cls, booking: Appointment, services: Sequence[Service]) -> Wanted:
        """The same as a booking that found no place; one without an end is looked for as half an hour."""
        length = booking.end_time - booking.appointment_time if booking.end_time else timedelta(minutes=30)
        busy = _pairs(booking.busy_minutes) if booking.busy_minutes else [(0, int(length.total_seconds()))]
        return cls(booking.salon, services, length, busy)


def parse_key(key: str) -> tuple[int, int, datetime]:
    """What a slot's key names: the person, the column, and the moment it begins.

    Raises:
      ValueError: it names no slot.
    """
    parts = key.split(".")
    if len(parts) != 3 or not all(part.isascii() and part.isdecimal() and len(part) < 12 for part in parts):
        raise ValueError(f"{key!r} is no slot")
    user_id, column_id, minutes = map(int, parts)
    if not 1 <= column_id <= LARGEST_COLUMN or minutes > LARGEST_MINUTE:
        raise ValueError(f"{key!r} is no slot")
    return user_id, column_id, moment(minutes * MINUTE)


def _busy_seconds(services: Sequence[Timed]) -> list[Span]:
    return _pairs(busy_minutes_of(services))


def _pairs(minutes: Sequence[int]) -> list[Span]:
    return [(begins * MINUTE, ends * MINUTE) for begins, ends in zip(minutes[::2], minutes[1::2], strict=True)]


def free_slots(
    wanted: Wanted,
    first: date,
    last: date,
    *,
    now: datetime,
    user_id: int | None = None,
    column_id: int | None = None,
    step_minutes: int = DEFAULT_STEP_MINUTES,
) -> Iterator[Slot]:
    """Every free slot from the first day to the last, on the salon's clock, person by person.

    People without working hours have no slots. The number of queries does not depend on how much there is.

    Args:
      now: slots begin later.
      user_id, column_id: with this person, at this chair only.
      step_minutes: slots begin at 00:00 on the wall, and at every multiple of this after it.
    """
    salon = wanted.salon
    people = _people(wanted, user_id)
    rota = hours.rota(salon, people, first - timedelta(days=1), last + timedelta(days=1))
    grid = quarters(first, last, step_minutes, salon.zone)
    if not grid or not rota.working:
        return
    window = (grid[0] - DAY, grid[-1] + 2 * DAY)
    taken = _taken(salon, people, window)
    length = int(wanted.duration.total_seconds())
    earliest = bisect_left(grid, seconds(now) + 1)
    chairs = [
        (chair.column_id, _ids(chair, "people"), _on_grid(begins, grid, earliest))
        for chair, begins in _chairs(wanted, column_id, taken, window)
    ]
    of_chairs: dict[frozenset[int], dict[int, list[int]]] = {}  # most people may use the same chairs
    for person in people:
        usable = frozenset(column for column, only_for, _ in chairs if not only_for or person in only_for)
        if usable not in of_chairs:
            of_chairs[usable] = _columns_at((column, begins) for column, _, begins in chairs if column in usable)
        columns_at = of_chairs[usable]
        bookable = without(rota.bookable(person), taken.of_people[person])
        for at in _on_grid(starts(bookable, wanted.busy), grid, earliest):
            if at in columns_at:
                yield Slot(person, at, at + length, columns_at[at])


def nearest(booking: Appointment, services: Sequence[Service], *, now: datetime, limit: int = 3) -> list[Slot]:
    """The free slots nearest to a time that was refused: with the same person if there are any, else with anybody."""
    zone = booking.salon.zone
    wanted = Wanted.of_booking(booking, services)
    around = [
        max(edge, now).astimezone(zone).date()
        for edge in (booking.appointment_time - NEARBY, booking.appointment_time + NEARBY)
    ]
    for user_id in (booking.user_id, None):
        found = list(free_slots(wanted, around[0], around[1], now=now, user_id=user_id))
        if found:
            wanted_at = seconds(booking.appointment_time)
            found.sort(key=lambda slot: (abs(slot.begins - wanted_at), slot.begins))
            return found[:limit]
    return []


@dataclass(frozen=True)
class _Taken:
    of_people: dict[int, list[Span]]
    of_columns: dict[int, list[Span]]


def _people(wanted: Wanted, user_id: int | None) -> list[int]:
    """Who works at the salon and does all of the services."""
    staff = get_user_model()._default_manager.filter(salons=wanted.salon, is_active=True)
    ids: list[int] = list((staff.filter(pk=user_id) if user_id else staff).values_list("pk", flat=True))
    doers: dict[int, set[int]] = defaultdict(set)
    through = Service.people.through._default_manager.filter(service__in=wanted.services)
    for service_id, doer in through.values_list("service_id", "extendeduser_id"):
        doers[service_id].add(doer)
    return [person for person in ids if all(person in those for those in doers.values())]


def _taken(salon: Salon, people: Collection[int], window: Span) -> _Taken:
    """What is taken of the salon's chairs, and of the people wherever they are."""
    during = overlapping(window)
    found = models.OccupiedTime.objects.filter(during & Q(salon=salon) | during & Q(user__in=people))
    rows = found.values_list(
        "salon_id", "column_id", "user_id", _epoch(RangeStartsWith("during")), _epoch(RangeEndsWith("during"))
    )
    of_people: dict[int, list[Span]] = defaultdict(list)
    of_columns: dict[int, list[Span]] = defaultdict(list)
    for salon_id, column_id, user_id, begins, ends in rows:
        span = (begins, ends)
        if user_id is not None:
            of_people[user_id].append(span)
        if column_id is not None and salon_id == salon.pk:
            of_columns[column_id].append(span)
    return _Taken(
        defaultdict(list, {person: merged(spans) for person, spans in of_people.items()}),
        defaultdict(list, {column: merged(spans) for column, spans in of_columns.items()}),
    )


def _epoch(edge: Func) -> Cast:
    """In seconds since 1970: thousands of ranges are slow to read in Python."""
    return Cast(Extract(edge, "epoch", tzinfo=UTC), BigIntegerField())  # else on the clock that a page has set


def _chairs(wanted: Wanted, column_id: int | None, taken: _Taken, window: Span) -> Iterator[tuple[Chair, list[Span]]]:
    """The chairs where all of the services are done, and when the visit could begin there."""
    needed = {service.pk for service in wanted.services}
    for chair in chairs_of(wanted.salon):
        if column_id in (None, chair.column_id) and _serves(chair, needed):
            yield chair, starts(without([window], taken.of_columns[chair.column_id]), wanted.busy)


def _serves(chair: Chair, needed: set[int]) -> bool:
    offered = _ids(chair, "services")
    return not offered or needed <= offered


def _ids(chair: Chair, relation: str) -> set[int]:
    """The keys of what is named for a chair; a chair that only stands for a column has none."""
    return {related.pk for related in getattr(chair, relation).all()} if chair.pk else set()


def _on_grid(spans: Sequence[Span], grid: Sequence[int], earliest: int) -> list[int]:
    found: list[int] = []
    for begins, ends in spans:
        found += grid[max(bisect_left(grid, begins), earliest) : bisect_left(grid, ends)]
    return found


def _columns_at(chairs: Iterable[tuple[int, Iterable[int]]]) -> dict[int, list[int]]:
    """The columns that are free at each moment at which any is, in the order given.

    Moments with the same columns share a list: thousands of lists would be made, and collected, for a few kinds.
    """
    columns: list[int] = []
    masks: dict[int, int] = defaultdict(int)
    for number, (column, moments) in enumerate(chairs):
        columns.append(column)
        bit = 1 << number
        for at in moments:
            masks[at] |= bit
    of_mask = {
        mask: [column for number, column in enumerate(columns) if mask >> number & 1] for mask in set(masks.values())
    }
    return {at: of_mask[mask] for at, mask in masks.items()}
