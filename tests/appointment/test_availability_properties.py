"""Free slots of random weeks: exactly those that a loop finds, and exactly those that can be booked."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
import time_machine
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from appointment import rules, services
from appointment.availability import Wanted, free_slots
from appointment.models import Appointment
from bench.naive_slots import naive_slots
from schedule.models import SpecialHours, TimeOff, WorkingHours
from schedule.spans import moment
from schedule.wall_clock import quarters
from tests.factories import make_customer, make_salon, make_service, make_user

NOW = datetime.fromisoformat("2027-03-01T08:00:00+00:00")
ZONES = ["Europe/London", "America/New_York", "Australia/Lord_Howe"]
# In each of the zones, a day on which its clocks change, or the days around it.
CHANGES = {
    "Europe/London": [date(2027, 3, 28), date(2027, 10, 31)],
    "America/New_York": [date(2027, 3, 14), date(2027, 11, 7)],
    "Australia/Lord_Howe": [date(2027, 4, 4), date(2027, 10, 3)],
}
STEP_MINUTES = 30

clocks = st.integers(0, 47).map(lambda half: time(half // 2, 30 * (half % 2)))
stretches = st.lists(st.tuples(clocks, clocks).filter(lambda pair: pair[1] == time() or pair[0] < pair[1]), max_size=2)
durations = st.sampled_from([30, 60, 90])


@st.composite
def worlds(draw: Any) -> dict[str, Any]:
    zone = draw(st.sampled_from(ZONES))
    day = draw(st.sampled_from(CHANGES[zone])) + timedelta(days=draw(st.integers(-1, 1)))
    gap = draw(st.sampled_from([(90, 30, 30), (60, 0, 0), (30, 0, 0)]))
    return {
        "zone": zone,
        "day": day,
        "weeks": draw(st.lists(stretches, min_size=2, max_size=2)),
        "special": draw(st.none() | stretches),
        "off": draw(st.none() | st.tuples(clocks, clocks).filter(lambda pair: pair[0] < pair[1])),
        "is_closed": draw(st.booleans()) and draw(st.booleans()),
        "timing": gap,
        "buffers": (draw(st.sampled_from([0, 15])), draw(st.sampled_from([0, 10, 30]))),
        "bookings": draw(st.lists(st.tuples(st.integers(0, 1), st.integers(1, 2), clocks, durations), max_size=5)),
    }


class FreeSlots(TestCase):
    @settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
    @given(worlds())
    def test_offered_is_what_can_be_booked(self, world: dict[str, Any]) -> None:
        with time_machine.travel(NOW, tick=False):
            salon, people, wanted = _build(world)
            window = (world["day"], world["day"])
            offered = list(free_slots(wanted, *window, now=NOW, step_minutes=STEP_MINUTES))
            naive = list(naive_slots(wanted, *window, now=NOW, step_minutes=STEP_MINUTES))
            assert offered == naive
            assert {
                (slot.user_id, slot.starts_at, column) for slot in offered for column in slot.column_ids
            } == _bookable(salon, people, wanted, world["day"])


def _build(world: dict[str, Any]) -> Any:
    salon = make_salon(timezone=world["zone"])
    people = [make_user(salon), make_user(salon)]
    day = world["day"]
    for person, hours in zip(people, world["weeks"], strict=True):
        # Somebody without any hours may be booked at any time, and is offered at none.
        WorkingHours.objects.create(
            salon=salon, user=person, weekday=(day.weekday() + 3) % 7, opens=time(9), closes=time(17)
        )
        for weekday in {day.weekday(), (day.weekday() + 1) % 7}:
            for opens, closes in hours:
                WorkingHours.objects.create(salon=salon, user=person, weekday=weekday, opens=opens, closes=closes)
    if world["special"] is not None:
        for opens, closes in world["special"] or [(None, None)]:
            SpecialHours.objects.create(salon=salon, user=people[0], date=day, opens=opens, closes=closes)
    if world["off"] is not None:
        begins, ends = world["off"]
        TimeOff.objects.create(salon=salon, user=people[1], first_day=day, last_day=day, begins=begins, ends=ends)
    if world["is_closed"]:
        TimeOff.objects.create(salon=salon, first_day=day, last_day=day, ends=time(12))
    customer = make_customer(salon)
    for person, column, clock, minutes in world["bookings"]:
        at = datetime.combine(day, clock, salon.zone)
        booked = {"salon": salon, "user": people[person], "customer": customer, "column_id": column}
        services.book(
            **booked,
            appointment_time=at,
            end_time=at + timedelta(minutes=minutes),
            allow_overlap=True,
            allow_outside_hours=True,
        )
    minutes, gap_after, gap = world["timing"]
    before, after = world["buffers"]
    service = make_service(
        salon,
        duration_minutes=minutes,
        gap_after_minutes=gap_after,
        gap_minutes=gap,
        buffer_before_minutes=before,
        buffer_after_minutes=after,
    )
    return salon, people, Wanted.of_services(salon, [service])


def _bookable(salon: Any, people: Any, wanted: Wanted, day: date) -> set[Any]:
    """Every quarter that the rules let somebody book, found by asking them."""
    customer = make_customer(salon)
    found = set()
    for at in map(moment, quarters(day, day, STEP_MINUTES, salon.zone)):
        for person in people:
            for column in (1, 2):
                booking = Appointment(
                    salon=salon, user=person, customer=customer, appointment_time=at, column_id=column
                )
                services.fit(booking, wanted.services, ends_as_given=False)
                try:
                    with transaction.atomic():
                        rules.check(booking, None, wanted.services)
                except rules.RuleBroken:
                    continue
                found.add((person.pk, at, column))
    return found


pytestmark = pytest.mark.django_db
