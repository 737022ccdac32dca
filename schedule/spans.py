"""Arithmetic on time: lists of half-open spans, in whole seconds since 1970 (UTC).

Every list taken or returned is sorted and disjoint, but for what `merged` is given. Each function goes once through
its arguments, so that a month of a whole salon costs its bookings and hours, and not its quarters of an hour.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

Span = tuple[int, int]

MINUTE = 60
DAY = 86_400


def seconds(moment: datetime) -> int:
    """An aware moment as seconds since 1970."""
    return int(moment.timestamp())


def moment(at: int) -> datetime:
    """Seconds since 1970 as an aware moment, UTC."""
    return datetime.fromtimestamp(at, UTC)


def merged(spans: Iterable[Span]) -> list[Span]:
    """Spans in any order, overlapping or not, as a sorted list of disjoint ones; empty ones are left out."""
    result: list[Span] = []
    for begins, ends in sorted(spans):
        if begins >= ends:
            continue
        if result and begins <= result[-1][1]:
            result[-1] = (result[-1][0], max(result[-1][1], ends))
        else:
            result.append((begins, ends))
    return result


def both(left: Sequence[Span], right: Sequence[Span]) -> list[Span]:
    """The time that lies in both."""
    result: list[Span] = []
    i = j = 0
    while i < len(left) and j < len(right):
        begins, ends = max(left[i][0], right[j][0]), min(left[i][1], right[j][1])
        if begins < ends:
            result.append((begins, ends))
        if left[i][1] < right[j][1]:
            i += 1
        else:
            j += 1
    return result


def without(spans: Sequence[Span], holes: Sequence[Span]) -> list[Span]:
    """The time of ``spans`` that lies in none of the ``holes``."""
    result: list[Span] = []
    first = 0
    for begins, ends in spans:
        while first < len(holes) and holes[first][1] <= begins:
            first += 1
        at = first
        while at < len(holes) and holes[at][0] < ends:
            if begins < holes[at][0]:
                result.append((begins, holes[at][0]))
            begins = max(begins, holes[at][1])
            at += 1
        if begins < ends:
            result.append((begins, ends))
    return result


def covers(spans: Sequence[Span], wanted: Span) -> bool:
    """Does all of ``wanted`` lie in one of the spans? One of no length must begin within one, or at its end."""
    at = bisect_right(spans, wanted[0], key=lambda span: span[0]) - 1
    return at >= 0 and wanted[1] <= spans[at][1]


def overlaps(spans: Sequence[Span], wanted: Span) -> bool:
    """Does any of ``wanted`` lie in one of the spans?"""
    return any(begins < wanted[1] and wanted[0] < ends for begins, ends in spans)


def starts(free: Sequence[Span], busy: Sequence[Span]) -> list[Span]:
    """The moments from which all of ``busy``, counted from the start, fits into ``free``.

    The last such moment of a stretch is part of it: a stretch of one moment is a second long.
    """
    result: list[Span] | None = None
    for begins, ends in busy:
        fitting = merged((left - begins, right - ends + 1) for left, right in free)
        result = fitting if result is None else both(result, fitting)
    return result or []
