from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from bench import long_day
from bench.day_plan import CLOSES, OPENS, Plan, draw
from bench.long_day import Form

SMALL = Form(5, 60, 20, hour_seconds=0.5, sample_seconds=0.25, lead_seconds=4.0)


@pytest.fixture(scope="module")
def plan() -> Plan:
    return draw(salons=50, visits=2000, bookings=400)


def test_day_is_the_same_every_time(plan: Plan) -> None:
    assert draw(salons=50, visits=2000, bookings=400) == plan


def test_reminders_of_the_morning_s_visits_peak_at_the_full_hour(plan: Plan) -> None:
    due = [
        course.steps[0].slot.hour - plan.salons[course.salon].reminder_minutes / 60
        for course in plan.courses
        if course.steps[0].what == "import" and course.steps[0].slot
    ]
    past_the_hour = Counter(hour % 1 for hour in due)
    assert len(due) == 2000
    assert all(OPENS < hour < CLOSES for hour in due)
    assert past_the_hour[0.0] > 1.5 * past_the_hour[0.5] > 4 * past_the_hour[0.25]


def test_everything_happens_within_the_day_and_in_order(plan: Plan) -> None:
    for course in plan.courses:
        hours = [step.at for step in course.steps]
        assert hours == sorted(hours)
        assert all(OPENS <= hour <= CLOSES for hour in hours)


def test_move_goes_to_another_time(plan: Plan) -> None:
    moved = [course.steps for course in plan.courses if course.steps[-1].what == "move"]
    assert len(moved) > 100
    assert all(first.slot != last.slot for first, last in moved)


def test_small_day_loses_nothing_and_is_drawn(tmp_path: Path) -> None:
    picture = tmp_path / "day.png"

    found = long_day.measure(quick=True, form=SMALL, picture=picture)

    assert long_day._wrong(found) == [], [found["phones"]["findings"], found["ledger"]["findings"]]
    for seen in (found["phones"], found["ledger"]):
        assert seen["visits"] == 80
        assert seen["received"] >= seen["owed"] > 60
    assert found["calls"]["book"] == 20
    assert found["replies"]["kept"] == found["replies"]["sent"]
    assert len(found["hours"]) == 12
    assert {"web", "worker", "dispatcher", "PostgreSQL", "Valkey", "local Twilio"} == set(found["memory"])
    with Image.open(picture) as drawn:
        assert drawn.size == (1600, 1400)
    assert picture.stat().st_size < 200_000
