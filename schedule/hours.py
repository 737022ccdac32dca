"""When the people of a salon can be booked: their week, its exceptions, time off, and the salon's closures."""

from __future__ import annotations

import calendar
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.db.models import Q

from salon.models import Salon
from schedule.models import SpecialHours, TimeOff, WorkingHours
from schedule.spans import Span, merged, without
from schedule.wall_clock import MIDNIGHT, days_between, moment_of, span_of


@dataclass(frozen=True)
class Rota:
    """Who works when, over some days of one salon. Whoever has no hours at all is in none of `working`."""

    working: Mapping[int, list[Span]]
    away: Mapping[int, list[Span]]
    closed: list[Span]

    def bookable(self, user_id: int) -> list[Span]:
        """When a person is at work; never for one who has no hours."""
        return without(without(self.working.get(user_id, []), self.closed), self.away.get(user_id, []))


def rota(salon: Salon, user_ids: Collection[int], first: date, last: date) -> Rota:
    """The rota of some people from the first day to the last, on the salon's clock. Four queries, whatever its size."""
    zone = salon.zone
    weekly = _weekly(salon, user_ids)
    special = _special(salon, user_ids, first, last)
    days = list(days_between(first, last))
    working = {
        user_id: merged(
            span
            for day in days
            for span in (
                special[user_id, day]
                if (user_id, day) in special
                else _of_the_week(weekly[user_id][day.weekday()], day, zone)
            )
        )
        for user_id in weekly.keys() | _with_special(salon, set(user_ids) - weekly.keys())
    }
    absences: dict[int | None, list[Span]] = defaultdict(list)
    of_them = Q(user=None) | Q(user__in=user_ids)
    absent = TimeOff.objects.filter(of_them, salon=salon).exclude(is_yearly=False, last_day__lt=first)
    for absence in absent.order_by():
        absences[absence.user_id] += _spans_of(absence, first, last, zone)
    away = {user_id: merged(spans) for user_id, spans in absences.items() if user_id is not None}
    return Rota(working, away, merged(absences[None]))


def has_hours(salon_id: int, user_id: int) -> bool:
    """Has anybody said when this person works at the salon? Until then they may be booked at any time."""
    weekly, special = (
        model.objects.filter(salon_id=salon_id, user_id=user_id).order_by().values("pk")
        for model in (WorkingHours, SpecialHours)
    )
    return weekly.union(special, all=True).exists()


class _Shift(NamedTuple):
    opens: time
    closes: time
    valid_from: date | None
    valid_until: date | None


def _weekly(salon: Salon, user_ids: Collection[int]) -> dict[int, dict[int, list[_Shift]]]:
    """Each person's shifts of each weekday."""
    rows = WorkingHours.objects.filter(salon=salon, user__in=user_ids).order_by()  # unsorted: without joins
    weekly: dict[int, dict[int, list[_Shift]]] = defaultdict(lambda: defaultdict(list))
    for user_id, weekday, *shift in rows.values_list("user_id", "weekday", *_Shift._fields):
        weekly[user_id][weekday].append(_Shift(*shift))
    return weekly


def _of_the_week(shifts: Iterable[_Shift], day: date, zone: ZoneInfo) -> Iterator[Span]:
    for opens, closes, valid_from, valid_until in shifts:
        if (valid_from is None or valid_from <= day) and (valid_until is None or day <= valid_until):
            yield span_of(day, opens, closes, zone)


def _special(salon: Salon, user_ids: Collection[int], first: date, last: date) -> dict[tuple[int, date], list[Span]]:
    """The spans of each person's special dates; none on a day off."""
    special: dict[tuple[int, date], list[Span]] = defaultdict(list)
    of_days = SpecialHours.objects.filter(salon=salon, user__in=user_ids, date__range=(first, last))
    for hours in of_days.order_by():
        spans = special[hours.user_id, hours.date]
        if hours.opens is not None and hours.closes is not None:
            spans.append(span_of(hours.date, hours.opens, hours.closes, salon.zone))
    return special


def _with_special(salon: Salon, user_ids: Collection[int]) -> set[int]:
    """Who of these has special dates, at any time."""
    of_people = SpecialHours.objects.filter(salon=salon, user__in=user_ids)
    return set(of_people.order_by().values_list("user_id", flat=True).distinct()) if user_ids else set()


def _spans_of(absence: TimeOff, first: date, last: date, zone: ZoneInfo) -> Iterator[Span]:
    for begins_on in _first_days(absence, first, last):
        ends_on = begins_on + (absence.last_day - absence.first_day)
        if first <= ends_on and begins_on <= last:
            begins, _ = span_of(begins_on, absence.begins or MIDNIGHT, MIDNIGHT, zone)
            yield begins, _end(ends_on, absence, zone)


def _end(day: date, absence: TimeOff, zone: ZoneInfo) -> int:
    if absence.ends is None or absence.ends == MIDNIGHT:
        return moment_of(day + timedelta(days=1), MIDNIGHT, zone)
    return moment_of(day, absence.ends, zone)


def _first_days(absence: TimeOff, first: date, last: date) -> Iterator[date]:
    """The days on which an absence begins; a yearly one of 29 February begins on the 28th in other years."""
    begins = absence.first_day
    if not absence.is_yearly:
        yield begins
        return
    for year in range(first.year - 1, last.year + 1):
        last_of_month = calendar.monthrange(year, begins.month)[1]
        yield begins.replace(year=year, day=min(begins.day, last_of_month))
