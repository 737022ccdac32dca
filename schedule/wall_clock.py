"""Hours are what a clock on the salon's wall shows: 09:00 stays 09:00 on the day after the clocks change."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from schedule.spans import DAY, MINUTE, Span, seconds

MIDNIGHT = time()


@lru_cache(maxsize=20_000)  # a salon's people share most of their hours
def moment_of(day: date, at: time, zone: ZoneInfo) -> int:
    """When the clock on the wall shows a time.

    A time that the clock shows twice is the first of the two; one that it skips is the moment of the skip.
    """
    shown = datetime.combine(day, at, zone)
    if _exists(shown):
        return seconds(shown)
    before, after = seconds(shown.replace(fold=1)), seconds(shown)
    offset = datetime.fromtimestamp(before, zone).utcoffset()
    while after - before > 1:  # the skip lies between the two; clocks change on whole seconds
        middle = (before + after) // 2
        if datetime.fromtimestamp(middle, zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after


def span_of(day: date, opens: time, closes: time, zone: ZoneInfo) -> Span:
    """From one time of a day to another; 00:00 as the end is the midnight after it."""
    last = day + timedelta(days=1) if closes == MIDNIGHT else day
    return moment_of(day, opens, zone), moment_of(last, closes, zone)


def day_span(day: date, zone: ZoneInfo) -> Span:
    """A whole day: 23 or 25 hours when the clocks change."""
    return span_of(day, MIDNIGHT, MIDNIGHT, zone)


def days_between(first: date, last: date) -> Iterator[date]:
    """Every day from the first to the last, both included."""
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)


def quarters(first: date, last: date, step_minutes: int, zone: ZoneInfo) -> list[int]:
    """When the clock shows 00:00 and every ``step_minutes`` after it, on each of the days.

    A time that does not exist is not among them; one that exists twice is there once, as the first of the two.
    """
    result: list[int] = []
    for day in days_between(first, last):
        begins, ends = day_span(day, zone)
        if ends - begins == DAY:
            result += range(begins, ends, step_minutes * MINUTE)
        else:
            result += _quarters_of_changing_day(day, step_minutes, zone)
    return result


def _quarters_of_changing_day(day: date, step_minutes: int, zone: ZoneInfo) -> list[int]:
    midnight = datetime.combine(day, MIDNIGHT)
    times = (midnight + timedelta(minutes=minutes) for minutes in range(0, DAY // MINUTE, step_minutes))
    shown = [at.replace(tzinfo=zone) for at in times]
    return [seconds(moment) for moment in shown if _exists(moment)]


def _exists(shown: datetime) -> bool:
    """Does the clock ever show this? It skips an hour in spring."""
    there = shown.astimezone(UTC).astimezone(shown.tzinfo)
    return there.replace(tzinfo=None) == shown.replace(tzinfo=None)
