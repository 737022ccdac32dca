from __future__ import annotations

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from schedule.spans import moment
from schedule.wall_clock import day_span, moment_of, quarters, span_of

LONDON, NEW_YORK, LORD_HOWE = ZoneInfo("Europe/London"), ZoneInfo("America/New_York"), ZoneInfo("Australia/Lord_Howe")
SPRING, AUTUMN = date(2027, 3, 28), date(2027, 10, 31)  # in London


def utc(at: int) -> str:
    return f"{moment(at):%Y-%m-%d %H:%M:%S}"


@pytest.mark.parametrize(
    ("day", "clock", "expected"),
    [
        (date(2027, 3, 27), "09:00", "2027-03-27 09:00:00"),
        (SPRING, "09:00", "2027-03-28 08:00:00"),
        (SPRING, "01:00", "2027-03-28 01:00:00"),
        (SPRING, "01:30", "2027-03-28 01:00:00"),
        (AUTUMN, "00:30", "2027-10-30 23:30:00"),
        (AUTUMN, "01:30", "2027-10-31 00:30:00"),
        (AUTUMN, "02:00", "2027-10-31 02:00:00"),
        (AUTUMN, "09:00", "2027-10-31 09:00:00"),
    ],
)
def test_clock_on_the_wall(day, clock, expected):
    assert utc(moment_of(day, time.fromisoformat(clock), LONDON)) == expected


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        (LONDON, SPRING, 23),
        (LONDON, AUTUMN, 25),
        (NEW_YORK, date(2027, 3, 14), 23),
        (LORD_HOWE, date(2027, 4, 4), 24.5),
    ],
    ids=["spring", "autumn", "New York", "half an hour"],
)
def test_day_of_a_clock_change_is_as_long_as_it_is(zone, day, hours):
    begins, ends = day_span(day, zone)
    assert (ends - begins) / 3600 == hours


def test_midnight_as_an_end_is_the_one_after_the_day():
    begins, ends = span_of(date(2027, 7, 1), time(20), time(0), NEW_YORK)
    assert (utc(begins), utc(ends)) == ("2027-07-02 00:00:00", "2027-07-02 04:00:00")


def test_quarters_skip_the_missing_hour_and_take_the_doubled_one_once():
    spring, autumn = quarters(SPRING, SPRING, 15, LONDON), quarters(AUTUMN, AUTUMN, 15, LONDON)
    assert (len(spring), len(autumn)) == (23 * 4, 24 * 4)
    for found in (spring, autumn):
        shown = [datetime.fromtimestamp(at, LONDON).strftime("%H:%M") for at in found]
        assert shown == sorted(set(shown))
        assert found == sorted(found)
    assert "01:15" not in {datetime.fromtimestamp(at, LONDON).strftime("%H:%M") for at in spring}
    assert datetime(2027, 10, 31, 0, 15, tzinfo=UTC).timestamp() in autumn
    assert datetime(2027, 10, 31, 1, 15, tzinfo=UTC).timestamp() not in autumn


def test_quarters_of_an_ordinary_day_are_ninety_six():
    assert len(quarters(date(2027, 6, 1), date(2027, 6, 2), 15, LONDON)) == 2 * 96
