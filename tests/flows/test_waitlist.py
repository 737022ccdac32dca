"""Times that become free, from the cancellation to the phone and back by its link, with real processes that die."""

from __future__ import annotations

import re
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import requests

from tests.delivering import wait_until
from tests.processes import Stack

HOURS = range(9, 17)


def fill_a_day(stack: Stack, waiting: int) -> tuple[Any, Any, list[int], list[Any]]:
    """A day whose every hour is booked, and customers who wait for one of them."""
    salon = stack.seed(customers=len(HOURS) + waiting, timezone="UTC")[0]
    api = stack.login(salon.owner)
    person = salon.owner.user_id
    for weekday in range(7):
        api.call("POST", "/working-hours/", salon=salon.id, user=person, weekday=weekday, opens="09:00", closes="17:00")
    cut = api.call("POST", "/services/", salon=salon.id, name="Cut", duration_minutes=60)["id"]
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=3)
    bookings = [
        api.book(salon, customer, midnight + timedelta(hours=hour), services=[cut])["id"]
        for hour, customer in zip(HOURS, salon.customers, strict=False)
    ]
    day = midnight.date().isoformat()
    waiters = list(salon.customers[len(HOURS) :])
    for customer in waiters:
        api.call(
            "POST", "/waitlist/", salon=salon.id, customer=customer.id, services=[cut], first_day=day, last_day=day
        )
    return api, salon, bookings, waiters


def offers_to(stack: Stack, customer: Any) -> list[str]:
    return [text["body"] for text in stack.twilio.messages(to=customer.phone_number) if "/waitlist/o/" in text["body"]]


def test_each_freed_time_is_offered_once_and_told_once_though_dispatchers_are_killed_all_the_time(
    crowded_stack: Stack,
) -> None:
    stack = crowded_stack
    api, salon, bookings, waiters = fill_a_day(stack, waiting=11)
    dispatchers = list(stack.units["dispatcher"])
    for number, booking in enumerate(bookings):
        api.cancel(booking) if number % 2 else api.delete(booking)
        time.sleep(0.4)
        dispatchers[number % 2].kill()
        dispatchers[number % 2].start()
    wait_until(lambda: sum(bool(offers_to(stack, customer)) for customer in waiters) == len(HOURS), seconds=60)
    time.sleep(3)
    assert [len(offers_to(stack, customer)) for customer in waiters] == [1] * 8 + [0] * 3
    rows = stack.query(
        "SELECT appointment_time, count(*) FROM appointment_appointment"
        " WHERE salon_id = %s AND status = 'offered' GROUP BY 1",
        [salon.id],
    )
    assert Counter(count for _, count in rows) == {1: 8}


def test_customer_takes_a_time_by_the_link_in_the_text_and_is_sent_the_confirmation(crowded_stack: Stack) -> None:
    stack = crowded_stack
    api, salon, bookings, (first, second) = fill_a_day(stack, waiting=2)
    api.delete(bookings[2])
    wait_until(lambda: offers_to(stack, first), seconds=20)
    (body,) = offers_to(stack, first)
    link = re.findall(r"http\S+", body)[0]
    phone = requests.Session()
    phone.trust_env = False
    page = phone.get(link, timeout=10)
    assert (page.status_code, "Book it" in page.text) == (200, True)
    token = re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)[0]
    for _ in range(2):  # an impatient thumb
        done = phone.post(link, data={"answer": "accept", "csrfmiddlewaretoken": token}, timeout=10)
        assert (done.status_code, "Your visit is booked" in done.text) == (200, True)
    wait_until(lambda: len(stack.twilio.messages(to=first.phone_number)) == 2, seconds=20)
    assert "has been confirmed" in stack.twilio.messages(to=first.phone_number)[-1]["body"]
    time.sleep(2)
    assert offers_to(stack, second) == []
    entries = api.call("GET", f"/waitlist/?salon={salon.id}")["results"]
    assert [entry["state"] for entry in entries] == ["booked", "waiting"]
