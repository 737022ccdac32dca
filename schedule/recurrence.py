"""Rules of recurrence (RFC 5545, 3.3.10): when a series of visits falls, on the salon's wall clock.

python-dateutil reads and expands a rule. What is here refuses what a salon cannot mean, and what would never end.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

from dateutil.rrule import rrule, rrulestr

MOST_OCCURRENCES = 104
LONGEST_RULE = 200

_ANY = {"FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY", "BYMONTH", "WKST"}
# What each frequency may carry. No hours or minutes: a series has one time of day, that of its first visit.
_PARTS = {
    "DAILY": _ANY | {"BYMONTHDAY"},
    "WEEKLY": _ANY,
    "MONTHLY": _ANY | {"BYMONTHDAY", "BYSETPOS"},
    "YEARLY": _ANY | {"BYMONTHDAY", "BYSETPOS"},
}
_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_WEEKDAY = "|".join(_WEEKDAYS)
_SHAPES = {
    "FREQ": r"[A-Z]+",
    "INTERVAL": r"0*[1-9]\d{0,2}",
    "COUNT": r"0*[1-9]\d{0,5}",
    "UNTIL": r"\d{8}(T\d{6}Z?)?",
    "BYDAY": rf"([+-]?[1-5])?({_WEEKDAY})(,([+-]?[1-5])?({_WEEKDAY}))*",
    "BYMONTH": r"(0?[1-9]|1[0-2])(,(0?[1-9]|1[0-2]))*",
    "BYMONTHDAY": r"[+-]?(0?[1-9]|[12]\d|3[01])(,[+-]?(0?[1-9]|[12]\d|3[01]))*",
    "BYSETPOS": r"[+-]?[1-9]\d?(,[+-]?[1-9]\d?)*",
    "WKST": _WEEKDAY,
}
# Past the end of the calendar from any period, so that nothing but the first period of a rule is looked at.
_TO_THE_END_OF_TIME = {"MONTHLY": 12 * 10_000, "YEARLY": 10_000}


@dataclass(frozen=True)
class BadRule(Exception):
    """A stable code, and a message that says what to do."""

    code: str
    message: str


def normal(text: str) -> str:
    """A rule as it is kept: in capitals, and without the name of its property."""
    return text.strip().upper().removeprefix("RRULE:")


def occurrences(text: str, first: datetime, latest: datetime, zone: ZoneInfo) -> list[datetime]:
    """When a rule falls, all naive, on the salon's clock.

    Args:
      text: such as ``FREQ=WEEKLY;INTERVAL=6;COUNT=8``.
      first: the first visit; it must be one of the rule's.
      latest: no visit may come after this.
      zone: the salon's; where the rule ends at a moment in UTC.

    Raises:
      BadRule: it cannot be read, does not end, or asks for too much.
    """
    parts = _parts_of(normal(text))
    count, last = _end(parts, first, latest, zone)
    rule = _expandable(parts, first)
    wanted = count or MOST_OCCURRENCES + 1
    found = list(islice(takewhile(lambda at: at <= last, rule), wanted))
    if not found or (count and len(found) < count):
        raise _too_far(latest)
    if len(found) > MOST_OCCURRENCES:
        raise _TOO_MANY
    return found


_TOO_MANY = BadRule("too_many_visits", f"A series has at most {MOST_OCCURRENCES} visits. Give a lower COUNT or UNTIL.")


def _too_far(latest: datetime) -> BadRule:
    return BadRule(
        "rule_too_far_ahead", f"The last visit may be on {latest:%Y-%m-%d} at the latest. Give a lower COUNT or UNTIL."
    )


def _parts_of(text: str) -> dict[str, str]:
    """Raises: BadRule: a part is unknown, there twice, or cannot be read; or the rule does not say where it ends."""
    pairs = [part.partition("=") for part in text.split(";")]
    parts = {name: value for name, _, value in pairs}
    allowed = _PARTS.get(parts.get("FREQ", ""))
    if allowed is None:
        raise BadRule("rule_frequency", f"Begin the rule with FREQ=, and one of {', '.join(_PARTS)}.")
    if len(parts) < len(pairs):
        raise BadRule("rule_unreadable", "Give each part of the rule once.")
    for name, value in parts.items():
        if name not in allowed:
            raise BadRule(
                "rule_unsupported",
                f"A {parts['FREQ']} series knows no {name[:20] or 'empty part'}; it has {', '.join(sorted(allowed))}.",
            )
        if not re.fullmatch(_SHAPES[name], value, re.ASCII):
            raise BadRule("rule_unreadable", f"{name} cannot be {value[:40] or 'empty'}. See RFC 5545, 3.3.10.")
    if parts["FREQ"] in ("DAILY", "WEEKLY") and re.search(r"\d", parts.get("BYDAY", "")):
        raise BadRule("rule_unreadable", "Only a MONTHLY or YEARLY rule counts its weekdays, as in BYDAY=2SA.")
    return parts


def _end(parts: dict[str, str], first: datetime, latest: datetime, zone: ZoneInfo) -> tuple[int | None, datetime]:
    """How many visits the rule asks for, if it says so, and when the last of them may be; taken out of the parts."""
    count, until = parts.pop("COUNT", None), parts.pop("UNTIL", None)
    if (count is None) == (until is None):
        raise BadRule("rule_without_end", "Say how the rule ends: with COUNT or with UNTIL, and not with both.")
    if count is not None and int(count) > MOST_OCCURRENCES:
        raise _TOO_MANY
    last = latest if until is None else _until(until, zone)
    if first > latest:
        raise _too_far(latest)
    if last < first:
        raise BadRule("rule_without_end", "The rule ends before the first visit. Give a later UNTIL.")
    if last.date() > latest.date():
        raise _too_far(latest)
    return int(count) if count else None, min(last, latest)


def _until(text: str, zone: ZoneInfo) -> datetime:
    """The last moment of a rule, on the salon's clock; all of a day, where only a day is given."""
    try:
        until = datetime.fromisoformat(text)
        if until.tzinfo is not None:
            return until.astimezone(zone).replace(tzinfo=None)
        return datetime.combine(until.date(), time.max) if len(text) == 8 else until
    except (ValueError, OverflowError) as error:
        raise BadRule("rule_unreadable", f"UNTIL cannot be {text}: there is no such day or time.") from error


def _expandable(parts: dict[str, str], first: datetime) -> rrule:
    """The rule as python-dateutil's, which begins with the first visit.

    That it does is looked at in the rule's first period alone: without a match, the search would go on to year 9999.
    """
    text = ";".join(f"{name}={value}" for name, value in parts.items())
    try:
        rule = rrulestr(text, dtstart=first, ignoretz=True)
        if _may_fall_on(parts, first) and first in islice(_first_period(rule, parts["FREQ"]), 1):
            return rule
    except (ValueError, IndexError) as error:
        raise BadRule("rule_unreadable", "The rule cannot be read. See RFC 5545, 3.3.10.") from error
    raise BadRule(
        "rule_misses_first_visit",
        f"By the rule there is no visit on {first:%A}, {first:%Y-%m-%d}. Begin with a day on which there is one.",
    )


def _first_period(rule: rrule, frequency: str) -> Iterator[datetime]:
    interval = _TO_THE_END_OF_TIME.get(frequency)
    return iter(rule.replace(interval=interval) if interval else rule)


def _may_fall_on(parts: dict[str, str], day: datetime) -> bool:
    """Does the day pass those parts of the rule that can be told from it alone?"""
    months, weekdays, days = (parts.get(name) for name in ("BYMONTH", "BYDAY", "BYMONTHDAY"))
    return (
        (months is None or day.month in map(int, months.split(",")))
        and (weekdays is None or _WEEKDAYS[day.weekday()] in {weekday[-2:] for weekday in weekdays.split(",")})
        and (days is None or bool({day.day, _from_the_end(day)} & set(map(int, days.split(",")))))
    )


def _from_the_end(day: datetime) -> int:
    """-1 on the last day of a month."""
    return day.day - calendar.monthrange(day.year, day.month)[1] - 1
