"""`make bench`: the day of eight chairs with 120 bookings, through gunicorn as the Procfile starts it, and in Chromium.

Beside it, in the same run, the same salon's day without a booking: what login, frame and network cost by themselves.
Files are collected and compressed as in production. The browser's figures are of a first visit, with nothing cached.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
from datetime import date, datetime, time, timedelta
from typing import Any

import requests

from bench import report

CHAIRS, BOOKINGS, MINUTES = 8, 120, 30
GOALS = {"first byte, ms": 150, "usable in Chromium, ms": 1000, "compressed in all, kB": 150}
RUNS, QUICK_RUNS = 15, 3
# Notes the moment when the last visit has been painted.
WATCH = """
addEventListener("DOMContentLoaded", () => {
  const wanted = Number(new URLSearchParams(location.search).get("expect"));
  const look = () => {
    const isDrawn = document.querySelector("#grid .ec-body");
    if (isDrawn && document.querySelectorAll("#grid .ec-event.visit").length >= wanted) {
      requestAnimationFrame(() => { window.usableMs = performance.now(); });
    } else requestAnimationFrame(look);
  };
  look();
});
"""


def main() -> int:
    parser = report.parser("day_page", __doc__)
    parser.add_argument("--seed", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.seed:
        print(json.dumps(seed()))
        return 0
    return report.show(options, measure(options.quick))


def measure(quick: bool) -> dict[str, Any]:
    """Median milliseconds and kilobytes of the full and of the empty day."""
    runs = QUICK_RUNS if quick else RUNS
    from devstack.browser import chromium
    from tests.processes import Stack

    with (
        tempfile.TemporaryDirectory() as collected,
        Stack(
            counts={},
            overrides={"STATIC_ROOT": collected, "LOG_LEVEL": "WARNING"},
            database_url=os.environ.get("DATABASE_URL", ""),
            redis_url=os.environ.get("REDIS_URL", ""),
        ) as stack,
    ):
        stack.python("manage.py", "collectstatic", "--no-input", "--verbosity", "0")
        salon = json.loads(stack.python("-m", "bench.day_page", "--seed"))
        stack.add("web")
        stack.wait_until_ready()
        days = {"full": (salon["day"], BOOKINGS), "empty": (salon["empty_day"], 0)}
        urls = {
            name: f"{stack.base_url}/desk/{salon['id']}/day/?date={day}&expect={visits}"
            for name, (day, visits) in days.items()
        }
        first_byte = {name: _first_byte_ms(url, salon["session"], runs) for name, url in urls.items()}
        with chromium(os.environ) as browser:
            drawn = {name: _drawn(browser, url, salon["session"], max(runs // 3, 3)) for name, url in urls.items()}
    figures = {
        "first byte, ms": first_byte,
        "usable in Chromium, ms": {name: usable for name, (usable, _) in drawn.items()},
        "compressed in all, kB": {name: kilobytes for name, (_, kilobytes) in drawn.items()},
    }
    title = (
        f"The day's page: {CHAIRS} chairs, {BOOKINGS} bookings, and the same day without one; medians of {runs} runs"
    )
    rows = [[name, figure["full"], figure["empty"], GOALS[name]] for name, figure in figures.items()]
    return {"runs": runs, **figures, "tables": [report.table(title, ["", "full", "empty", "goal"], rows)]}


def _first_byte_ms(url: str, session_key: str, runs: int) -> float:
    with requests.Session() as session:
        session.trust_env = False
        session.cookies["sessionid"] = session_key
        taken = []
        for run in range(runs + 5):  # the first ones warm both processes of the server
            answer = session.get(url, allow_redirects=False, timeout=30)
            assert answer.status_code == 200, answer.status_code
            if run >= 5:
                taken.append(answer.elapsed.total_seconds() * 1000)
    return round(statistics.median(taken), 1)


def _drawn(browser: Any, url: str, session_key: str, runs: int) -> tuple[float, float]:
    """Medians of first visits: milliseconds until every visit is painted, and kilobytes, headers too."""
    taken = []
    for _ in range(runs):
        with browser.new_context(viewport={"width": 1280, "height": 900}) as context:
            context.add_cookies([{"name": "sessionid", "value": session_key, "url": url}])
            context.add_init_script(WATCH)
            page = context.new_page()
            sizes: list[float] = []
            network = context.new_cdp_session(page)
            network.on("Network.loadingFinished", lambda event, seen=sizes: seen.append(event["encodedDataLength"]))
            network.send("Network.enable")
            page.goto(url, wait_until="load")
            page.wait_for_function("window.usableMs")
            taken.append((page.evaluate("window.usableMs"), sum(sizes) / 1000))
    times, kilobytes = zip(*taken, strict=True)
    return round(statistics.median(times), 0), round(statistics.median(kilobytes), 1)


def seed() -> dict[str, Any]:
    """A salon with its day, and somebody who is logged in there."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "booking_api.settings")
    import django

    django.setup()
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.sessions.backends.db import SessionStore

    from tests.factories import make_owner, make_salon, make_user

    salon = make_salon(timezone="Europe/London")
    owner = make_owner(salon, full_name="Olivia Hart")
    people = [owner, *(make_user(salon, full_name=f"Person {number}") for number in range(2, CHAIRS + 1))]
    day = datetime.now(salon.zone).date() + timedelta(days=3)
    _fill(salon, people, day)
    _text_all(salon)
    session = SessionStore()
    session[SESSION_KEY] = str(owner.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = owner.get_session_auth_hash()
    session.save()
    empty_day = day + timedelta(days=1)
    return {"id": salon.pk, "day": str(day), "empty_day": str(empty_day), "session": session.session_key}


def _fill(salon: Any, people: list[Any], day: date) -> None:
    from appointment import services
    from schedule.models import Chair
    from tests.factories import make_customer, make_service, make_week

    cuts = [make_service(salon, name=name, duration_minutes=MINUTES) for name in ("Cut and finish", "Blow dry")]
    for number, person in enumerate(people, 1):
        Chair.objects.create(salon=salon, column_id=number, name=f"Chair {number}", position=number)
        make_week(salon, person, "09:00", "17:00")
    for number in range(BOOKINGS):
        chair, place = number % CHAIRS, number // CHAIRS
        at = datetime.combine(day, time(9), salon.zone) + timedelta(minutes=place * MINUTES)
        services.book(
            salon=salon,
            user=people[chair],
            customer=make_customer(salon, full_name=f"Customer Number {number}"),
            column_id=chair + 1,
            services=[cuts[number % 2]],
            appointment_time=at,
        )


def _text_all(salon: Any) -> None:
    """As on most days: everybody has had their confirmation."""
    from django.utils import timezone

    from sms.models import Message

    confirmations, now = Message.objects.filter(salon_id=salon.pk, kind=Message.Kind.CONFIRMATION), timezone.now()
    confirmations.update(status=Message.Status.DELIVERED, sent_at=now, delivered_at=now)


if __name__ == "__main__":
    sys.exit(main())
