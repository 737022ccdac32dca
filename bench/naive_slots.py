"""The peer of `appointment.availability`: a loop over every slot, as booking systems commonly have it.

It reads the same rows, and looks for each person, chair and quarter of an hour whether anything is in the way.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

from appointment.availability import Slot, Wanted
from appointment.models import OccupiedTime
from schedule.chairs import chairs_of
from schedule.models import SpecialHours, TimeOff, WorkingHours
from schedule.spans import seconds
from user.models import ExtendedUser

MIDNIGHT, NEAR = time(), timedelta(days=1)


def naive_slots(wanted: Wanted, first: date, last: date, *, now: datetime, step_minutes: int) -> Iterator[Slot]:
    """The same slots as `free_slots`, one by one. No yearly time off, and no chair or service of certain people."""
    salon, zone = wanted.salon, wanted.salon.zone
    weekly, special = list(WorkingHours.objects.filter(salon=salon)), list(SpecialHours.objects.filter(salon=salon))
    time_off = list(TimeOff.objects.filter(salon=salon))
    taken = list(OccupiedTime.objects.filter(salon=salon))
    chairs = chairs_of(salon)
    busy = [(timedelta(seconds=begins), timedelta(seconds=ends)) for begins, ends in wanted.busy]

    def local(day: date, at: time) -> datetime:
        shown = datetime.combine(day, at, zone)
        after = shown.astimezone(UTC)
        if after.astimezone(zone).replace(tzinfo=None) == shown.replace(tzinfo=None):
            return after
        before = shown.replace(fold=1).astimezone(UTC)  # skipped: the minute from which the offset is another
        while before.astimezone(zone).utcoffset() == shown.replace(fold=0).utcoffset():
            before += timedelta(minutes=1)
        return before

    def is_working(user_id: int, begins: datetime, ends: datetime) -> bool:
        at = begins
        while at < ends:  # stretches that touch are one
            later = [until for since, until in stretches(user_id, at.astimezone(zone).date()) if since <= at < until]
            if not later:
                return False
            at = max(later)
        return True

    def stretches(user_id: int, day: date) -> Iterator[tuple[datetime, datetime]]:
        of_date = [hours for hours in special if hours.user_id == user_id and hours.date == day]
        of_week = [
            hours
            for hours in weekly
            if hours.user_id == user_id
            and hours.weekday == day.weekday()
            and (hours.valid_from is None or hours.valid_from <= day)
            and (hours.valid_until is None or day <= hours.valid_until)
        ]
        for hours in of_date or of_week:
            if hours.opens is not None and hours.closes is not None:
                last_day = day + timedelta(days=1) if hours.closes == MIDNIGHT else day
                yield local(day, hours.opens), local(last_day, hours.closes)

    def is_away(user_id: int, begins: datetime, ends: datetime) -> bool:
        return any(
            local(off.first_day, off.begins or MIDNIGHT) < ends
            and begins
            < (local(off.last_day, off.ends) if off.ends else local(off.last_day + timedelta(days=1), MIDNIGHT))
            for off in time_off
            if off.user_id in (None, user_id)
        )

    def is_taken(row: OccupiedTime, begins: datetime, ends: datetime) -> bool:
        assert row.during.lower
        assert row.during.upper
        return row.during.lower < ends and begins < row.during.upper

    for user_id in ExtendedUser.objects.filter(salons=salon, is_active=True).values_list("pk", flat=True):
        for number in range((last - first).days + 1):
            day = first + timedelta(days=number)
            of_day = [
                row for row in taken if is_taken(row, local(day, MIDNIGHT) - NEAR, local(day, MIDNIGHT) + 2 * NEAR)
            ]
            of_person = [row for row in of_day if row.user_id == user_id]
            of_chairs = [(chair, [row for row in of_day if row.column_id == chair.column_id]) for chair in chairs]
            for minutes in range(0, 24 * 60, step_minutes):
                shown = (datetime.combine(day, MIDNIGHT) + timedelta(minutes=minutes)).replace(tzinfo=zone)
                begins_at = shown.astimezone(UTC)
                if begins_at.astimezone(zone).replace(tzinfo=None) != shown.replace(tzinfo=None) or begins_at <= now:
                    continue
                spans = [(begins_at + begins, begins_at + ends) for begins, ends in busy]
                if not all(is_working(user_id, *span) and not is_away(user_id, *span) for span in spans):
                    continue
                if any(is_taken(row, *span) for row in of_person for span in spans):
                    continue
                free = [
                    chair.column_id
                    for chair, rows in of_chairs
                    if not any(is_taken(row, *span) for row in rows for span in spans)
                ]
                if free:
                    yield Slot(user_id, seconds(begins_at), seconds(begins_at + wanted.duration), free)
