"""Visits that recur by a rule: what staff do to all of them, or from one of them on (docs/adr/0013).

Each visit is a booking like any other and passes the same doors: `appointment.services.book`, ``change``, ``cancel``.
To change one of them is to change a booking.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone

from appointment import occupancy, planning, rules, services
from appointment.models import Appointment, OccupiedTime, Series
from salon.models import Salon
from schedule import recurrence
from schedule.models import Service
from schedule.spans import moment
from schedule.wall_clock import moment_of

if TYPE_CHECKING:
    from user.models import ExtendedUser

LONGEST_AHEAD = timedelta(days=731)


@dataclass(frozen=True)
class Occurrence:
    """A visit that a rule asks for, or that is to move.

    Attributes:
      position: its place in the series, from 1.
      on_the_clock: where the rule puts it, naive, on the salon's clock.
      starts_at: the moment of that.
      is_shifted: the clock never shows it, as it is put forward then: the visit is at the moment of the skip.
      refusal: why it cannot be booked.
    """

    position: int
    on_the_clock: datetime
    starts_at: datetime
    is_shifted: bool = False
    refusal: rules.RuleBroken | None = None

    @property
    def can_be_booked(self) -> bool:
        return self.refusal is None


@dataclass(frozen=True)
class Clashes(Exception):
    """Some visits cannot be where the series would have them; nothing was written."""

    refused: Sequence[Occurrence]
    wanted: int


@dataclass(frozen=True)
class Made:
    series: Series
    left_out: Sequence[Occurrence]


@dataclass(frozen=True)
class Changed:
    """What became of the visits that were still ahead."""

    series: Series
    changed: Sequence[int]
    left_alone: Sequence[int]


# --- Made and looked at beforehand ----------------------------------------------------------------------------


def preview(*, rule: str, **fields: Any) -> list[Occurrence]:
    """What `make` would do, were it called now. Nothing is written, and nobody is kept from booking.

    Raises:
      rules.RuleBroken: the rule cannot be kept, or what is asked for is wrong whatever the time.
    """
    looked_at = []
    for occurrence, times in _planned(rule, **fields):
        try:
            booking = _booking(**{**fields, **times})
            rules.check(booking, None, fields.get("services", ()), is_to_be_saved=False)
            looked_at.append(occurrence)
        except rules.RuleBroken as broken:
            looked_at.append(_refused(occurrence, broken))
    return looked_at


@transaction.atomic
def make(
    *,
    rule: str,
    created_by: ExtendedUser | None,
    skip_clashes: bool = False,
    **fields: Any,
) -> Made:
    """Make a series, all of it or nothing. The customer gets one confirmation, of the first visit, and every reminder.

    All visits take the same chair and the same person, so that the locks of the first are those of all.

    Args:
      fields: those of a booking; ``appointment_time`` is that of the first visit.
      skip_clashes: make the visits that can be, as long as there is one.

    Raises:
      Clashes: some visits cannot be booked; nothing was written.
      rules.RuleBroken: as `preview`.
    """
    planned = _planned(rule, **fields)
    visits: list[Appointment] = []
    left_out: list[Occurrence] = []
    for occurrence, times in planned:
        try:
            visit = services.book(confirm=not visits, **{**fields, **times})
        except rules.RuleBroken as broken:
            left_out.append(_refused(occurrence, broken))
        else:
            visit.series_position, visit.series_starts_at = occurrence.position, occurrence.on_the_clock
            visits.append(visit)
    if left_out and not (skip_clashes and visits):
        raise Clashes(left_out, len(planned))
    series = Series.objects.create(
        salon=fields["salon"],
        customer=fields["customer"],
        rule=recurrence.normal(rule),
        starts_at=planned[0][0].on_the_clock,
        created_by=created_by,
    )
    for visit in visits:
        visit.series = series
    Appointment.objects.bulk_update(visits, ["series", "series_position", "series_starts_at"])
    return Made(series, left_out)


def _planned(
    rule: str, *, appointment_time: datetime, **fields: Any
) -> list[tuple[Occurrence, dict[str, datetime | None]]]:
    """Each visit that the rule asks for, with its own times in place of the first one's."""
    length = fields["end_time"] - appointment_time if fields.get("end_time") else None
    planned = [
        (
            found,
            {"appointment_time": found.starts_at, "end_time": found.starts_at + length if length is not None else None},
        )
        for found in _occurrences(fields["salon"], rule, appointment_time)
    ]
    _check_apart([_booking(**{**fields, **times}) for _, times in planned])
    return planned


def _booking(**fields: Any) -> Appointment:
    """A visit as it would be booked, not saved."""
    of_each: Sequence[Service] = fields.pop("services", ())
    booking = Appointment(**fields)
    services.fit(booking, of_each, ends_as_given=booking.end_time is not None)
    return booking


def _occurrences(salon: Salon, rule: str, first: datetime) -> list[Occurrence]:
    zone = salon.zone
    on_the_clock = first.astimezone(zone).replace(tzinfo=None, fold=0, microsecond=0)
    if _moment_of(on_the_clock, salon) != first.replace(microsecond=0):
        raise rules.RuleBroken(
            "appointment_time",
            "ambiguous_time",
            "The clock shows that time twice then, and a series takes the first. Give the first, or another time.",
        )
    latest = timezone.now().astimezone(zone).replace(tzinfo=None) + LONGEST_AHEAD
    try:
        found = recurrence.occurrences(rule, on_the_clock, latest, zone)
    except recurrence.BadRule as bad:
        raise rules.RuleBroken("rule", bad.code, bad.message) from bad
    return [_occurrence(position, at, salon) for position, at in enumerate(found, start=1)]


def _occurrence(position: int, on_the_clock: datetime, salon: Salon) -> Occurrence:
    starts_at = _moment_of(on_the_clock, salon)
    shown = starts_at.astimezone(salon.zone).replace(tzinfo=None, fold=0)
    return Occurrence(position, on_the_clock, starts_at, is_shifted=shown != on_the_clock)


def _moment_of(on_the_clock: datetime, salon: Salon) -> datetime:
    return moment(moment_of(on_the_clock.date(), on_the_clock.time(), salon.zone))


def _check_apart(bookings: Sequence[Appointment]) -> None:
    """Nobody is served twice at a time; said of the rule, since every visit would clash with the one before it."""
    spans = [taken for booking in bookings if (taken := occupancy.spans_of(booking))]
    for earlier, later in pairwise(spans):
        if later[0][0] < earlier[-1][1]:
            raise rules.RuleBroken(
                "rule",
                "visits_overlap",
                "Each visit must be over before the next one begins. Make them shorter, or rarer.",
            )


def _refused(occurrence: Occurrence, broken: rules.RuleBroken) -> Occurrence:
    """A visit with the reason for which it cannot be then. Raises: what is wrong at any time."""
    if broken.field != "appointment_time":
        raise broken
    return replace(occurrence, refusal=broken)


# --- Changed ----------------------------------------------------------------------------------------------------


@transaction.atomic
def change(
    series_id: int,
    *,
    from_visit: Appointment | None = None,
    time_of_day: time | None = None,
    shift_days: int = 0,
    include_changed_alone: bool = False,
    **fields: Any,
) -> Changed:
    """Change the visits that are still ahead, all of them or, with ``from_visit``, that one and those after it.

    A visit that was moved or given to another person or chair by itself stays as the staff left it, unless it is
    ``from_visit``, or ``include_changed_alone``. Every visit whose time changes sends its confirmation.

    Args:
      time_of_day: the new one, on the salon's clock.
      shift_days: how many days later, or earlier.
      fields: others of a booking, as `services.change` takes them: ``user``, ``column_id``, ``services``, ``comment``.

    Raises:
      Clashes: some cannot be so; nothing was written.
      rules.RuleBroken: what is asked for is wrong whatever the time; nothing was written.
    """
    series, ahead = _ahead(series_id, from_visit)
    stays = {visit.pk for visit in ahead if visit.changed_alone and not include_changed_alone and visit != from_visit}
    changing = [visit for visit in ahead if visit.pk not in stays]
    if not changing:
        raise rules.RuleBroken("from", "nothing_ahead", "No visit of the series is left to change.")
    is_moved = time_of_day is not None or shift_days != 0
    if is_moved:
        for visit in ahead:
            visit.series_starts_at = _shifted(visit.series_starts_at, time_of_day, shift_days)
        Appointment.objects.bulk_update(ahead, ["series_starts_at"])
    _change_each(series, changing, is_moved=is_moved, **fields)
    of_the_pattern = [visit.pk for visit in changing if is_moved or not visit.changed_alone]
    Appointment.objects.filter(pk__in=of_the_pattern).update(changed_alone=False)
    return Changed(series, [visit.pk for visit in changing], sorted(stays))


@transaction.atomic
def cancel(
    series_id: int, *, from_visit: Appointment | None = None, reason: str = "", by_customer: bool = False
) -> Changed:
    """Cancel the visits that are still ahead, also those changed by themselves. Again, it changes nothing.

    Args: as `change` and `services.cancel`. Raises: as `change`.
    """
    series, ahead = _ahead(series_id, from_visit)
    for visit in ahead:
        services.cancel(visit.pk, reason=reason, by_customer=by_customer)
    return Changed(series, [visit.pk for visit in ahead], [])


def _ahead(series_id: int, from_visit: Appointment | None) -> tuple[Series, list[Appointment]]:
    """A series and its booked visits still ahead, all locked, from one of them on.

    Locks are taken in one order: the salon's minutes, the series, its visits, and after these chairs and people. Who
    changes one booking waits for nothing of these while holding what comes after it.
    """
    series = Series.objects.get(pk=series_id)
    planning.hold_minutes(series.salon_id)
    series = Series.objects.select_for_update(of=("self",)).select_related("salon").get(pk=series_id)
    if from_visit is not None and from_visit.series_id != series_id:
        raise rules.RuleBroken("from", "not_of_this_series", "Choose a visit of this series.")
    visits = Appointment.objects.filter(series=series, series_position__gte=_place_of(from_visit))
    locked = [visit.pk for visit in visits.order_by("id").select_for_update()]
    return series, list(Appointment.objects.ahead().filter(pk__in=locked).order_by("series_position"))


def _place_of(visit: Appointment | None) -> int:
    return (visit.series_position or 0) if visit is not None else 0


def _shifted(on_the_clock: datetime, time_of_day: time | None, days: int) -> datetime:
    return datetime.combine(on_the_clock.date() + timedelta(days=days), time_of_day or on_the_clock.time())


def _change_each(series: Series, visits: Sequence[Appointment], *, is_moved: bool, **fields: Any) -> None:
    """Change visits of a series, wherever they come to stand: none is in the way of another that moves too.

    Raises: Clashes.
    """
    takes_time_anew = is_moved or bool(fields.keys() - {"comment"})
    if takes_time_anew:
        occupancy.lock(*(_wanted(visit, **fields) for visit in visits))
        OccupiedTime.objects.filter(appointment__in=visits).delete()
    refused = []
    for visit in visits:
        times = _new_times(visit, series.salon, fields) if is_moved else {}
        try:
            changed = services.change(visit.pk, **fields, **times)
        except rules.RuleBroken as broken:
            starts_at = times.get("appointment_time", visit.appointment_time)
            on_the_clock = starts_at.astimezone(series.salon.zone).replace(tzinfo=None)
            refused.append(_refused(Occurrence(_place_of(visit), on_the_clock, starts_at), broken))
            continue
        if takes_time_anew and not occupancy.differs(changed, visit):
            occupancy.occupy(changed)
    if refused:
        raise Clashes(refused, len(visits))


def _wanted(
    visit: Appointment, *, user: ExtendedUser | None = None, column_id: int | None = None, **_: Any
) -> occupancy.Need:
    """The chair and the person that a visit is to have, for their locks."""
    return occupancy.Need(
        salon_id=visit.salon_id,
        column_id=column_id or visit.column_id,
        user_id=user.pk if user else visit.user_id,
        spans=(),
        holds_chair=True,
        holds_person=True,
    )


def _new_times(visit: Appointment, salon: Salon, fields: Mapping[str, Any]) -> dict[str, Any]:
    """When a visit begins by its series; it keeps its length, unless other services give it theirs."""
    starts_at = _moment_of(visit.series_starts_at, salon)
    if visit.end_time is None or fields.get("services"):
        return {"appointment_time": starts_at}
    return {"appointment_time": starts_at, "end_time": starts_at + (visit.end_time - visit.appointment_time)}
