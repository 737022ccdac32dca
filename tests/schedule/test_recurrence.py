"""Rules of recurrence: what they mean, and what is refused."""

from __future__ import annotations

import time
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from schedule.recurrence import BadRule, occurrences

at = datetime.fromisoformat  # naive
LONDON, AUCKLAND = ZoneInfo("Europe/London"), ZoneInfo("Pacific/Auckland")
SATURDAY = at("2027-03-06T10:00")
LATEST = at("2028-11-25T12:00")


def days(rule, first=SATURDAY, zone=LONDON):
    return [f"{visit:%y-%m-%d}" for visit in occurrences(rule, first, LATEST, zone)]


def refusal(rule, first=SATURDAY):
    with pytest.raises(BadRule) as refused:
        occurrences(rule, first, LATEST, LONDON)
    return refused.value.code


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("FREQ=WEEKLY;INTERVAL=6;COUNT=3", ["27-03-06", "27-04-17", "27-05-29"]),
        ("rrule:freq=weekly;interval=6;count=3", ["27-03-06", "27-04-17", "27-05-29"]),
        ("FREQ=WEEKLY;BYDAY=SA,TU;COUNT=4", ["27-03-06", "27-03-09", "27-03-13", "27-03-16"]),
        ("FREQ=MONTHLY;BYDAY=1SA;COUNT=3", ["27-03-06", "27-04-03", "27-05-01"]),
        ("FREQ=MONTHLY;BYMONTHDAY=6;COUNT=3", ["27-03-06", "27-04-06", "27-05-06"]),
        ("FREQ=MONTHLY;BYDAY=SA,SU;BYSETPOS=1;COUNT=3", ["27-03-06", "27-04-03", "27-05-01"]),
        ("FREQ=DAILY;INTERVAL=10;COUNT=2", ["27-03-06", "27-03-16"]),
        ("FREQ=YEARLY;COUNT=2", ["27-03-06", "28-03-06"]),
        ("FREQ=WEEKLY;UNTIL=20270320", ["27-03-06", "27-03-13", "27-03-20"]),
        ("FREQ=WEEKLY;UNTIL=20270320T100000", ["27-03-06", "27-03-13", "27-03-20"]),
        ("FREQ=WEEKLY;UNTIL=20270320T095959Z", ["27-03-06", "27-03-13"]),
    ],
)
def test_rule_falls_on_the_days_that_it_says(rule, expected):
    assert days(rule) == expected


def test_end_in_utc_is_read_on_the_salons_clock():
    assert len(days("FREQ=WEEKLY;UNTIL=20270312T210000Z", zone=AUCKLAND)) == 2
    assert len(days("FREQ=WEEKLY;UNTIL=20270312T205959Z", zone=AUCKLAND)) == 1


def test_months_without_the_day_have_no_visit():
    assert days("FREQ=MONTHLY;COUNT=3", at("2027-01-31T10:00")) == ["27-01-31", "27-03-31", "27-05-31"]
    assert days("FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=3", at("2027-01-31T10:00")) == ["27-01-31", "27-02-28", "27-03-31"]


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ("", "rule_frequency"),
        ("COUNT=3", "rule_frequency"),
        ("FREQ=HOURLY;COUNT=3", "rule_frequency"),
        ("every six weeks", "rule_frequency"),
        ("FREQ=WEEKLY", "rule_without_end"),
        ("FREQ=WEEKLY;COUNT=3;UNTIL=20270401", "rule_without_end"),
        ("FREQ=WEEKLY;UNTIL=20270301", "rule_without_end"),
        ("FREQ=WEEKLY;COUNT=105", "too_many_visits"),
        ("FREQ=DAILY;UNTIL=20280101", "too_many_visits"),
        ("FREQ=YEARLY;COUNT=3", "rule_too_far_ahead"),
        ("FREQ=WEEKLY;UNTIL=20281126", "rule_too_far_ahead"),
        ("FREQ=WEEKLY;UNTIL=99991231T235959Z", "rule_too_far_ahead"),
        ("FREQ=WEEKLY;BYDAY=SU;COUNT=3", "rule_misses_first_visit"),
        ("FREQ=MONTHLY;BYDAY=2SA;COUNT=3", "rule_misses_first_visit"),
        ("FREQ=WEEKLY;COUNT=0", "rule_unreadable"),
        ("FREQ=WEEKLY;COUNT=-1", "rule_unreadable"),
        ("FREQ=WEEKLY;COUNT=٣", "rule_unreadable"),
        ("FREQ=WEEKLY;INTERVAL=0;COUNT=3", "rule_unreadable"),
        ("FREQ=WEEKLY;BYDAY=1SA;COUNT=3", "rule_unreadable"),
        ("FREQ=WEEKLY;BYDAY=XX;COUNT=3", "rule_unreadable"),
        ("FREQ=WEEKLY;COUNT=3;COUNT=4", "rule_unreadable"),
        ("FREQ=WEEKLY;UNTIL=20270230", "rule_unreadable"),
        ("FREQ=WEEKLY;COUNT=3\nRDATE:20270307", "rule_unreadable"),
        ("FREQ=YEARLY;BYMONTH=13;COUNT=2", "rule_unreadable"),
        ("FREQ=WEEKLY;COUNT=3;", "rule_unsupported"),
        ("FREQ=DAILY;BYHOUR=9,15;COUNT=3", "rule_unsupported"),
        ("FREQ=WEEKLY;BYMONTHDAY=6;COUNT=3", "rule_unsupported"),
        ("DTSTART=20270306;FREQ=WEEKLY;COUNT=3", "rule_unsupported"),
    ],
)
def test_what_a_salon_cannot_mean_is_refused(rule, code):
    assert refusal(rule) == code


def test_series_that_begins_too_late_is_too_far_ahead():
    assert refusal("FREQ=DAILY;COUNT=1", at("2029-01-01T10:00")) == "rule_too_far_ahead"


@pytest.mark.parametrize(
    ("rule", "first"),
    [
        ("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30;COUNT=3", SATURDAY),
        ("FREQ=MONTHLY;BYDAY=5SA;BYMONTHDAY=6;COUNT=3", SATURDAY),
        ("FREQ=MONTHLY;BYDAY=SA;BYSETPOS=40;COUNT=3", SATURDAY),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;BYDAY=TU;COUNT=2", at("2028-02-29T10:00")),
        ("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=29;BYDAY=TU;COUNT=2", at("2028-02-29T10:00")),
    ],
)
def test_rules_that_hardly_ever_fall_are_refused_without_a_search_to_the_end_of_time(rule, first):
    began = time.process_time()
    assert refusal(rule, first) in ("rule_misses_first_visit", "rule_too_far_ahead")
    assert time.process_time() - began < 1
