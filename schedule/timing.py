"""How long the services of a visit take, and which minutes of it the chair and the person are busy.

A visit's services follow each other without a pause. The buffer before the first and the one after the last count;
those between them do not, as nobody leaves the chair. Busy minutes are written as one flat list, counted from the
beginning of the visit: ``[-5, 30, 60, 100]`` is from 5 minutes before it to 30 after, and from 60 to 100.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from schedule.spans import MINUTE, Span, merged, seconds


class Timed(Protocol):
    """What a service, or one as it was booked, says of its minutes."""

    duration_minutes: int
    buffer_before_minutes: int
    buffer_after_minutes: int
    gap_after_minutes: int
    gap_minutes: int


def duration_of(services: Sequence[Timed]) -> timedelta:
    return timedelta(minutes=sum(service.duration_minutes for service in services))


def busy_minutes_of(services: Sequence[Timed], duration: timedelta | None = None) -> list[int]:
    """The busy minutes of one service after the other.

    Args:
      duration: of the whole visit, where it is not the sum of its services: the last of them is longer or shorter.
    """
    total = round((duration or duration_of(services)) / timedelta(minutes=1))
    work: list[Span] = []
    at = 0
    for service in services:
        ends = at + service.duration_minutes
        if service.gap_minutes:
            gap = at + service.gap_after_minutes
            work += [(at, gap), (gap + service.gap_minutes, ends)]
        else:
            work.append((at, ends))
        at = ends
    work = [(begins, min(ends, total)) for begins, ends in work if begins < total]
    work[0] = (-services[0].buffer_before_minutes, work[0][1])
    work[-1] = (work[-1][0], total)
    work.append((total, total + services[-1].buffer_after_minutes))
    return [minute for span in merged(work) for minute in span]


def busy_spans(begins: datetime, ends: datetime | None, busy_minutes: Sequence[int] | None) -> list[Span]:
    """When a visit keeps its chair and its person busy; without services that is from its beginning to its end."""
    if busy_minutes:
        at = seconds(begins)
        pairs = zip(busy_minutes[::2], busy_minutes[1::2], strict=True)
        return [(at + first * MINUTE, at + last * MINUTE) for first, last in pairs]
    return [(seconds(begins), seconds(ends))] if ends is not None else []
