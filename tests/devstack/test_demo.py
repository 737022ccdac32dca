"""The demo's judgement: it must be able to say no."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from devstack.demo import wording
from devstack.demo.scenes import ZONE
from devstack.demo.verdict import Owed, judge, table

ADA, BEN = "+447400123456", "+447400123457"
REMINDER = Owed("reminded", "reminder", ADA, "Hi Ada", due_ms=10_000)


def arrived(at_ms: float, to: str = ADA, body: str = "Hi Ada", status: str = "delivered") -> dict[str, Any]:
    return {"to": to, "body": body, "status": status, "accepted_at_ms": at_ms}


@pytest.mark.parametrize("at_ms", [10_000, 10_400, 11_000])
def test_the_right_text_in_time_is_right(at_ms: float) -> None:
    judgement = judge([REMINDER], [arrived(at_ms)])

    assert judgement.failures == []
    assert "right" in table(judgement, ZoneInfo(ZONE))


@pytest.mark.parametrize(
    ("texts", "failures"),
    [
        ([], ["missing"]),
        ([arrived(11_001)], ["late by 1.00 s"]),
        ([arrived(9_999)], ["early by 0.001 s"]),
        ([arrived(10_100, status="sent")], ["not delivered but sent"]),
        ([arrived(10_100), arrived(10_200)], ["extra text"]),
        ([arrived(10_100, to=BEN)], ["missing", "extra text"]),
        ([arrived(10_100, body="Hi ada")], ["missing", "extra text"]),
    ],
)
def test_whatever_else_arrives_is_named(texts: list[dict[str, Any]], failures: list[str]) -> None:
    judgement = judge([REMINDER], texts)

    assert len(judgement.failures) == len(failures)
    assert all(part in failure for part, failure in zip(failures, judgement.failures, strict=True))


def test_a_confirmation_may_outrun_the_answer_to_the_booking() -> None:
    confirmation = Owed("booked", "confirmation", ADA, "Hi Ada", due_ms=10_000)

    assert judge([confirmation], [arrived(9_900)]).failures == []


def test_the_same_words_twice_owed_must_come_twice() -> None:
    again = Owed("moved", "reminder", ADA, "Hi Ada", due_ms=20_000)

    assert judge([REMINDER, again], [arrived(10_100), arrived(20_100)]).failures == []
    assert len(judge([REMINDER, again], [arrived(10_100)]).failures) == 1


def test_the_wording_is_on_the_salon_s_clock() -> None:
    zone, visit = ZoneInfo("America/New_York"), datetime(2026, 7, 1, 3, 5, tzinfo=UTC)

    assert wording.confirmation("Ada", "Cuts", visit, zone) == (
        "Hi Ada, Your appointment at Cuts has been confirmed for 2026-06-30 at 11:05 PM. See you soon!"
    )
    assert wording.reminder("Ada", "Cuts", visit, zone) == (
        "Hi Ada, You have an appointment coming up at 11:05 PM. Regards Cuts."
    )
    assert wording.cancellation(visit, zone) == (
        "Hi, We regret to inform you that your scheduled appointment for 2026-06-30 11:05 PM has been cancelled."
    )


@pytest.mark.parametrize(("hour", "words"), [(0, "12:05 AM"), (9, "9:05 AM"), (12, "12:05 PM"), (13, "1:05 PM")])
def test_hours_have_no_zero_in_front(hour: int, words: str) -> None:
    assert wording.clock(datetime(2026, 1, 5, hour, 5, tzinfo=UTC), ZoneInfo("UTC")) == words
