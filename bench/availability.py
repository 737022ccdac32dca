"""`make bench`: four weeks of free slots for eight people with five hundred bookings, beside a loop over every slot.

Each figure is the median of several runs in one process, taken in turn; the HTTP figure is the whole request, from the
URL to the JSON, without a network. The same slots must come out of both, or nothing is printed.
"""

from __future__ import annotations

import logging
import os
import statistics
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from datetime import time as clock
from typing import Any

from bench import report

PEOPLE, BOOKINGS, DAYS, STEP_MINUTES = 8, 500, 28, 15
RUNS, QUICK_RUNS = 15, 3


def measure(quick: bool) -> dict[str, Any]:
    """Median milliseconds of each way, and the number of queries."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "booking_api.settings")
    import django

    django.setup()
    logging.disable(logging.INFO)  # a line a request would drown the table
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    figures = _measure(runs=QUICK_RUNS if quick else RUNS)
    return {**figures, "tables": [_table(figures)]}


def _measure(*, runs: int) -> dict[str, Any]:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext
    from django.utils import timezone
    from rest_framework.test import APIClient

    from appointment.availability import Wanted, free_slots
    from bench.naive_slots import naive_slots

    salon, services, owner = _salon()
    wanted, now = Wanted.of_services(salon, services), timezone.now()
    first = timezone.localdate(timezone=salon.zone) + timedelta(days=1)
    last = first + timedelta(days=DAYS - 1)
    client = APIClient(headers={"host": "localhost"})
    client.force_authenticate(owner)
    keys = ",".join(str(service.pk) for service in services)
    path = f"/salons/{salon.pk}/availability/?services={keys}&from={first}&to={last}&step_minutes={STEP_MINUTES}"
    spans: Callable[[], Any] = lambda: list(free_slots(wanted, first, last, now=now, step_minutes=STEP_MINUTES))  # noqa: E731
    loop: Callable[[], Any] = lambda: list(naive_slots(wanted, first, last, now=now, step_minutes=STEP_MINUTES))  # noqa: E731
    request: Callable[[], Any] = lambda: client.get(path).content  # noqa: E731
    assert spans() == loop(), "the two do not offer the same slots"
    assert client.get(path).status_code == 200
    milliseconds: dict[str, list[float]] = {"spans": [], "request": [], "naive loop": []}
    for run in range(runs):
        for name, act in {"spans": spans, "request": request, "naive loop": loop}.items():
            if name != "naive loop" or run < 3:  # seconds each
                milliseconds[name].append(_milliseconds(act))
    with CaptureQueriesContext(connection) as queries:
        request()
    return {
        "slots": len(spans()),
        "queries": len(queries),
        "milliseconds": {name: round(statistics.median(taken), 1) for name, taken in milliseconds.items()},
        "asked": f"{DAYS} days, {PEOPLE} people, {BOOKINGS} bookings, every {STEP_MINUTES} minutes",
        "runs": runs,
    }


def _table(figures: dict[str, Any]) -> str:
    medians = figures["milliseconds"]
    shown = {
        "spans": "interval arithmetic",
        "request": "the whole request, URL to JSON",
        "naive loop": "peer: a loop over every slot",
    }
    title = (
        f"Free slots: {figures['asked']}; {figures['slots']} slots, {figures['queries']} queries a request,"
        f" medians of {figures['runs']} runs"
    )
    rows = [[title, medians[name], medians[name] / medians["spans"]] for name, title in shown.items()]
    return report.table(title, ["", "ms", "ratio"], rows)


def _milliseconds(act: Callable[[], Any]) -> float:
    began = time.perf_counter()
    act()
    return (time.perf_counter() - began) * 1000


def _salon() -> Any:
    """A salon with its people, chairs, hours and bookings, spread over the weeks the same way in every run."""
    from django.utils import timezone

    from appointment import services
    from tests.factories import make_customer, make_owner, make_salon, make_service, make_user, make_week

    salon = make_salon(name=f"Bench {time.time_ns()}", timezone="Europe/London")
    owner = make_owner(salon)
    people = [owner, *(make_user(salon) for _ in range(PEOPLE - 1))]
    for person in people:
        make_week(salon, person, "09:00", "13:00")
        make_week(salon, person, "14:00", "18:00")
    cut = make_service(salon, duration_minutes=45, buffer_after_minutes=5)
    colour = make_service(salon, duration_minutes=90, gap_after_minutes=30, gap_minutes=30)
    customer = make_customer(salon)
    first = timezone.localdate(timezone=salon.zone) + timedelta(days=1)
    for number in range(BOOKINGS):
        day = first + timedelta(days=number // PEOPLE % DAYS)
        hour = (9, 14, 16)[number // (PEOPLE * DAYS)]
        services.book(
            salon=salon,
            user=people[number % PEOPLE],
            customer=customer,
            column_id=number % PEOPLE + 1,
            services=[(cut, colour)[number % 3 == 0]],
            appointment_time=datetime.combine(day, clock(hour, number % 4 * 10), salon.zone),
        )
    return salon, [cut], owner


if __name__ == "__main__":
    sys.exit(report.main("availability", __doc__, measure))
