"""The judge is judged: each kind of wrong is seen, and what is right is let pass."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.faults.verdict import ON_ITS_WAY_SECONDS, Booking, Change, Minutes, Received, judge

PHONE = "+447400100000"
START = datetime(2027, 3, 1, 9, tzinfo=UTC).timestamp()
LONG_AFTER = START + 100_000


def visit(minutes: float) -> datetime:
    """A time so many minutes after the booking."""
    return datetime.fromtimestamp(START, UTC) + timedelta(minutes=minutes)


def change(what: str, after: float, visit_at: datetime | None = None) -> Change:
    """Asked ``after`` seconds, answered a tenth later."""
    return Change(what, START + after, START + after + 0.1, visit_at)


def booking(*changes: Change, minutes: list[Minutes] | None = None) -> Booking:
    history = [Minutes(60, 0.0, 0.0), *(minutes or [])]
    return Booking(PHONE, "Ada", "Shear Delight", ZoneInfo("Asia/Kolkata"), history, list(changes))


def findings(booked: Booking, *texts: tuple[str, float], judged_after: float = 100_000.0) -> list[str]:
    """The kinds of what is wrong; each text came so many seconds after the booking."""
    received = {PHONE: [Received(body, START + after) for body, after in texts]}
    return [f.kind for f in judge([booked], received, START + judged_after).findings]


SOON, LATER = visit(70), visit(190)
BOOKED = booking(change("book", 0, SOON))
MOVED = booking(change("book", 0, SOON), change("move", 60, LATER))
CANCELLED = booking(change("book", 0, SOON), change("cancel", 60))
CONFIRMED, REMINDED = (BOOKED.confirmation(SOON), 1.0), (BOOKED.reminder(SOON), 601.0)
MOVE_CONFIRMED, MOVE_REMINDED = (BOOKED.confirmation(LATER), 61.0), (BOOKED.reminder(LATER), 7801.0)
CANCELLATION = (BOOKED.cancellation(SOON), 61.0)


def test_texts_are_those_of_the_salon_s_zone() -> None:
    assert CONFIRMED[0] == (
        "Hi Ada, Your appointment at Shear Delight has been confirmed for 2027-03-01 at 3:40 PM. See you soon!"
    )
    assert REMINDED[0] == "Hi Ada, You have an appointment coming up at 3:40 PM. Regards Shear Delight."
    assert CANCELLATION[0] == (
        "Hi, We regret to inform you that your scheduled appointment for 2027-03-01 3:40 PM has been cancelled."
    )


@pytest.mark.parametrize(
    ("booked", "texts"),
    [
        (BOOKED, [CONFIRMED, REMINDED]),
        (MOVED, [CONFIRMED, MOVE_CONFIRMED, MOVE_REMINDED]),
        (MOVED, [MOVE_CONFIRMED, MOVE_REMINDED]),  # the first confirmation was superseded in time
        (CANCELLED, [CONFIRMED, CANCELLATION]),
        (CANCELLED, [CANCELLATION]),
    ],
)
def test_what_was_owed_passes(booked: Booking, texts: list[tuple[str, float]]) -> None:
    assert findings(booked, *texts) == []


@pytest.mark.parametrize(
    ("booked", "texts", "kinds"),
    [
        (BOOKED, [REMINDED], ["lost"]),
        (BOOKED, [CONFIRMED], ["lost"]),
        (BOOKED, [CONFIRMED, CONFIRMED, REMINDED], ["duplicate"]),
        (BOOKED, [CONFIRMED, REMINDED, REMINDED], ["duplicate"]),
        (BOOKED, [CONFIRMED, (REMINDED[0], 599.0)], ["stale"]),
        (BOOKED, [CONFIRMED, REMINDED, ("Hi Bob", 5.0)], ["stale"]),
        (MOVED, [CONFIRMED, MOVE_CONFIRMED, REMINDED, MOVE_REMINDED], ["stale"]),
        (MOVED, [MOVE_CONFIRMED, (CONFIRMED[0], 62.0), MOVE_REMINDED], ["stale"]),
        (MOVED, [(CONFIRMED[0], 61 + ON_ITS_WAY_SECONDS), (MOVE_CONFIRMED[0], 70.0), MOVE_REMINDED], ["stale"]),
        (MOVED, [CONFIRMED, MOVE_REMINDED], ["lost"]),
        (CANCELLED, [CONFIRMED], ["lost"]),
        (CANCELLED, [CONFIRMED, CANCELLATION, CANCELLATION], ["duplicate"]),
        (CANCELLED, [CONFIRMED, CANCELLATION, REMINDED], ["stale"]),
        (MOVED, [MOVE_CONFIRMED, MOVE_REMINDED, (BOOKED.cancellation(SOON), 61.0)], ["stale"]),
    ],
)
def test_what_is_wrong_is_found(booked: Booking, texts: list[tuple[str, float]], kinds: list[str]) -> None:
    assert findings(booked, *texts) == kinds


def test_what_was_owed_long_before_a_change_must_have_come() -> None:
    """Where nothing fails; a scenario of faults may hold texts up until the change withdraws them."""
    moved = replace(MOVED, surely_out_seconds=30.0)
    assert findings(moved, MOVE_CONFIRMED, MOVE_REMINDED) == ["lost"]
    assert findings(replace(MOVED, surely_out_seconds=60.0), MOVE_CONFIRMED, MOVE_REMINDED) == []
    cancelled = replace(booking(change("book", 0, SOON), change("cancel", 700)), surely_out_seconds=30.0)
    told = (BOOKED.cancellation(SOON), 701.0)
    assert findings(cancelled, CONFIRMED, told) == ["lost"]
    assert findings(cancelled, CONFIRMED, REMINDED, told) == []


def test_import_is_not_confirmed() -> None:
    imported = booking(change("import", 0, SOON))
    assert findings(imported, REMINDED) == []
    assert findings(imported, CONFIRMED, REMINDED) == ["stale"]


def test_nothing_is_owed_after_a_stop() -> None:
    stopped = booking(change("book", 0, SOON), change("stop", 60), change("move", 120, LATER), change("cancel", 180))
    assert findings(stopped, CONFIRMED) == []
    assert findings(stopped, CONFIRMED, REMINDED) == ["stale"]
    assert findings(stopped, CONFIRMED, MOVE_CONFIRMED, CANCELLATION) == ["stale", "stale"]


def test_text_to_a_phone_without_a_booking_is_found() -> None:
    verdict = judge([], {PHONE: [Received("Hi", START)]}, LONG_AFTER)
    assert [f.kind for f in verdict.findings] == ["stale"]


def test_time_told_twice_may_be_confirmed_twice_but_not_thrice() -> None:
    there_and_back = booking(change("book", 0, SOON), change("move", 60, LATER), change("move", 120, SOON))
    again = (CONFIRMED[0], 121.0)
    assert findings(there_and_back, CONFIRMED, MOVE_CONFIRMED, again, REMINDED) == []
    assert findings(there_and_back, again, REMINDED) == []
    assert findings(there_and_back, CONFIRMED, CONFIRMED, again, REMINDED) == ["duplicate"]


def test_reminder_due_while_its_booking_is_being_changed_may_come_or_not() -> None:
    cancelled_when_due = booking(change("book", 0, SOON), Change("cancel", START + 599, START + 602))
    told = (BOOKED.cancellation(SOON), 603.0)
    assert findings(cancelled_when_due, CONFIRMED, told) == []
    assert findings(cancelled_when_due, CONFIRMED, REMINDED, told) == []
    assert findings(cancelled_when_due, CONFIRMED, REMINDED, REMINDED, told) == ["duplicate"]


def test_booked_inside_the_window_is_not_reminded() -> None:
    inside = booking(change("book", 0, visit(30)))
    confirmed = (inside.confirmation(visit(30)), 1.0)
    assert findings(inside, confirmed) == []
    assert findings(inside, confirmed, (inside.reminder(visit(30)), 2.0)) == ["stale"]


def test_more_minutes_bring_a_reminder_forward_unless_its_new_moment_has_passed() -> None:
    more = [Minutes(65, START + 100, START + 100.1)]
    sooner = (REMINDED[0], 301.0)
    assert findings(booking(change("book", 0, SOON), minutes=more), CONFIRMED, sooner) == []
    too_many = [Minutes(69, START + 100, START + 100.1)]
    assert findings(booking(change("book", 0, SOON), minutes=too_many), CONFIRMED, REMINDED) == []
    assert findings(booking(change("book", 0, SOON), minutes=too_many), CONFIRMED) == ["lost"]


def test_fewer_minutes_put_a_reminder_off() -> None:
    fewer = booking(change("book", 0, SOON), minutes=[Minutes(30, START + 100, START + 100.1)])
    assert findings(fewer, CONFIRMED, REMINDED) == ["stale"]
    assert findings(fewer, CONFIRMED, judged_after=1000) == []
    assert findings(fewer, CONFIRMED, (REMINDED[0], 2401.0)) == []


def test_owed_and_received_are_counted() -> None:
    received = {PHONE: [Received(body, START + after) for body, after in (CONFIRMED, MOVE_CONFIRMED, MOVE_REMINDED)]}
    verdict = judge([MOVED], received, LONG_AFTER)
    assert (verdict.bookings, verdict.owed, verdict.received) == (1, 2, 3)
