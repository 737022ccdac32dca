from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from schedule.timing import busy_minutes_of, busy_spans, duration_of


@dataclass
class Minutes:
    duration_minutes: int
    buffer_before_minutes: int = 0
    buffer_after_minutes: int = 0
    gap_after_minutes: int = 0
    gap_minutes: int = 0


CUT = Minutes(45, buffer_after_minutes=5)
COLOUR = Minutes(90, buffer_before_minutes=10, buffer_after_minutes=15, gap_after_minutes=30, gap_minutes=40)


@pytest.mark.parametrize(
    ("services", "expected"),
    [
        ([CUT], [0, 50]),
        ([COLOUR], [-10, 30, 70, 105]),
        ([COLOUR, CUT], [-10, 30, 70, 140]),
        ([CUT, COLOUR], [0, 75, 115, 150]),
    ],
    ids=["buffer", "gap", "colour, then cut", "cut, then colour"],
)
def test_busy_minutes_of_services_in_their_order(services, expected):
    assert busy_minutes_of(services) == expected


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [(120, [-10, 30, 70, 135]), (80, [-10, 30, 70, 95]), (50, [-10, 65]), (20, [-10, 35])],
    ids=["longer", "shorter", "ends in the gap", "ends before it"],
)
def test_visit_of_another_length_ends_later_or_earlier(minutes, expected):
    assert busy_minutes_of([COLOUR], timedelta(minutes=minutes)) == expected


def test_duration_is_that_of_all_services_without_buffers():
    assert duration_of([CUT, COLOUR]) == timedelta(minutes=135)


def test_visit_without_services_is_busy_from_beginning_to_end_and_without_an_end_never():
    begins = datetime(2030, 6, 1, 9, tzinfo=UTC)
    at = int(begins.timestamp())
    assert busy_spans(begins, begins + timedelta(minutes=30), None) == [(at, at + 1800)]
    assert busy_spans(begins, None, None) == []
    assert busy_spans(begins, None, [-5, 30, 60, 100]) == [(at - 300, at + 1800), (at + 3600, at + 6000)]
