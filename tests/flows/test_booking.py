"""A booking from HTTP to the phone, with real processes."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.delivering import wait_until
from tests.processes import Stack

LATEST_MS = 1000.0  # after a text's moment
IMPORT = """
import django; django.setup()
from datetime import datetime, UTC
from appointment.models import Appointment
from customer.models import Customer
customers = Customer.objects.filter(salons={salon}).order_by("id")
at = datetime.fromisoformat("{at}")
Appointment.objects.bulk_create(
    Appointment(salon_id={salon}, user_id={user}, customer=customer, appointment_time=at) for customer in customers
)
"""


def soon(seconds: float) -> datetime:
    """A whole second at least ``seconds`` from now, aware UTC."""
    return (datetime.now(UTC) + timedelta(seconds=seconds + 1)).replace(microsecond=0)


def texts_of(stack: Stack, customer: Any) -> list[dict[str, Any]]:
    return stack.twilio.messages(to=customer.phone_number)


def kinds(texts: list[dict[str, Any]]) -> list[str]:
    words = {"confirmed": "confirmation", "coming up": "reminder", "cancelled": "cancellation"}
    return [next(kind for word, kind in words.items() if word in text["body"]) for text in texts]


def settled(stack: Stack, customer: Any, count: int, quiet_seconds: float = 2.0) -> list[dict[str, Any]]:
    """The customer's texts, once there are ``count`` and a while has shown that there are no more."""
    stack.twilio.wait_for_messages(count, to=customer.phone_number)
    time.sleep(quiet_seconds)
    return texts_of(stack, customer)


def late_by_ms(text: dict[str, Any], moment: datetime) -> float:
    return float(text["accepted_at_ms"]) - moment.timestamp() * 1000


def test_booking_moved_and_reminded_gets_two_confirmations_and_one_reminder_at_its_moment(stack: Stack) -> None:
    salon = stack.seed(customers=1, reminder_time_minutes=1, timezone="America/New_York")[0]
    api, customer = stack.login(salon.owner), salon.customers[0]
    asked_at = datetime.now(UTC)
    booking = api.book(salon, customer, soon(63))
    (confirmation,) = stack.twilio.wait_for_messages(1, to=customer.phone_number)
    assert late_by_ms(confirmation, asked_at) < LATEST_MS
    moved_to = soon(64)
    api.move(booking["id"], moved_to)
    texts = stack.twilio.wait_for_messages(3, to=customer.phone_number, timeout_seconds=15)
    time.sleep(2)
    assert kinds(texts_of(stack, customer)) == ["confirmation", "confirmation", "reminder"]
    assert 0 <= late_by_ms(texts[2], moved_to - timedelta(minutes=1)) < LATEST_MS
    states = [(row["kind"], row["status"]) for row in api.messages(booking["id"])]
    assert states == [
        ("confirmation", "delivered"),
        ("reminder", "superseded"),
        ("confirmation", "delivered"),
        ("reminder", "delivered"),
    ]


def test_booking_deleted_gets_its_cancellation_and_no_reminder(stack: Stack) -> None:
    salon = stack.seed(customers=1, reminder_time_minutes=1)[0]
    api, customer = stack.login(salon.owner), salon.customers[0]
    booking = api.book(salon, customer, soon(62))
    stack.twilio.wait_for_messages(1, to=customer.phone_number)
    api.delete(booking["id"])
    time.sleep(3)
    assert kinds(texts_of(stack, customer)) == ["confirmation", "cancellation"]


def test_minutes_changed_over_the_api_move_the_reminder(stack: Stack) -> None:
    salon = stack.seed(customers=1, reminder_time_minutes=60)[0]
    api, customer = stack.login(salon.owner), salon.customers[0]
    starts_at = soon(2 * 3600)
    booking = api.book(salon, customer, starts_at)
    assert api.set_reminder_minutes(salon, 90)["reminders_moved"] == 1
    (reminder,) = (row for row in api.messages(booking["id"]) if row["kind"] == "reminder")
    assert datetime.fromisoformat(reminder["due_at"]) == starts_at - timedelta(minutes=90)


def test_two_requests_racing_on_one_booking_send_exactly_the_right_texts(stack: Stack) -> None:
    """Given two dispatchers and four workers, when fields of one booking are changed at once, then none is lost."""
    salon = stack.seed(customers=6, reminder_time_minutes=30)[0]
    api = stack.login(salon.owner)
    first, later = soon(3 * 3600), soon(5 * 3600)
    bookings = [
        (customer, api.book(salon, customer, first, column_id=n)) for n, customer in enumerate(salon.customers, 1)
    ]
    for customer in salon.customers:
        stack.twilio.wait_for_messages(1, to=customer.phone_number)
    with ThreadPoolExecutor(12) as pool:
        changes = [
            pool.submit(act)
            for _, booking in bookings
            for act in (
                lambda booking=booking: api.move(booking["id"], later),
                lambda booking=booking: api.change(booking["id"], comment="both"),
                lambda booking=booking: api.move(booking["id"], later),  # somebody clicks twice
            )
        ]
        for change in changes:
            change.result()
    for customer in salon.customers:
        stack.twilio.wait_for_messages(2, to=customer.phone_number)
    time.sleep(3)
    for customer, booking in bookings:
        texts = texts_of(stack, customer)
        assert kinds(texts) == ["confirmation", "confirmation"]
        assert f"{later:%Y-%m-%d}" in texts[1]["body"]
        now = api.call("GET", f"/appointments/{booking['id']}/")
        assert (datetime.fromisoformat(now["appointment_time"]), now["comment"]) == (later, "both")
        waiting = [row for row in api.messages(booking["id"]) if row["status"] == "pending"]
        assert [(row["kind"], str(row["id"])) for row in waiting] == [("reminder", now["task_id"])]


def test_deletion_and_move_at_once_leave_no_text_of_a_visit_that_will_not_be(stack: Stack) -> None:
    salon = stack.seed(customers=4, reminder_time_minutes=30)[0]
    api = stack.login(salon.owner)
    bookings = [
        (customer, api.book(salon, customer, soon(3600 * 3), column_id=n))
        for n, customer in enumerate(salon.customers, 1)
    ]
    with ThreadPoolExecutor(8) as pool:
        for _, booking in bookings:
            pool.submit(api.move, booking["id"], soon(3600 * 6))
            pool.submit(api.delete, booking["id"])
    time.sleep(4)
    for customer, _ in bookings:
        seen = kinds(texts_of(stack, customer))
        assert seen[-1] == "cancellation"
        assert seen.count("cancellation") == 1
        assert seen.count("confirmation") <= 2


def test_confirmations_do_not_wait_behind_a_thousand_reminders(stack: Stack) -> None:
    busy = stack.seed(salons=1, customers=1000, reminder_time_minutes=1)[0]
    quiet = stack.seed(salons=1, customers=20)[0]
    api = stack.login(quiet.owner)
    stack.python("-c", IMPORT.format(salon=busy.id, user=busy.owner.user_id, at=soon(86_400)))
    wait_until(lambda: count_of(stack, busy, "pending") == 1000, seconds=30)
    stack.twilio.latency(25)
    stack.query("UPDATE sms_message SET due_at = now(), next_attempt_at = now() WHERE salon_id = %s", [busy.id])
    wait_until(lambda: count_of(stack, busy, "pending") < 1000)
    waits = []
    for number, customer in enumerate(quiet.customers, 1):
        api.book(quiet, customer, soon(86_400), column_id=number)
        booked_at = datetime.now(UTC)
        waits.append(late_by_ms(stack.twilio.wait_for_messages(1, to=customer.phone_number)[0], booked_at))
        if not count_of(stack, busy, "pending"):
            break  # the burst is over: what comes now proves nothing
    stack.twilio.latency(0)
    wait_until(lambda: count_of(stack, busy, "delivered") == 1000, seconds=60)
    phones = {customer.phone_number for customer in busy.customers}
    texts = [text for text in stack.twilio.messages() if text["to"] in phones]
    assert doubled(stack, texts) == {}
    assert len(texts) == 1000
    assert len(waits) >= 3, "the burst was over too soon"
    assert sorted(waits)[int(0.9 * len(waits))] < 2000, waits
    last_reminder = max(text["accepted_at_ms"] for text in texts)
    print(f"confirmations: {max(waits):.0f} ms at most of {len(waits)}; burst until {last_reminder:.0f}")  # noqa: T201


def doubled(stack: Stack, texts: list[dict[str, Any]]) -> dict[str, Any]:
    """Phones that got more than one of ``texts``, with what the ledger knows of theirs."""
    often = [phone for phone, times in Counter(text["to"] for text in texts).items() if times > 1]
    known = 'SELECT * FROM sms_message WHERE "to" = %s ORDER BY id'
    return {phone: (stack.query(known, [phone]), [t for t in texts if t["to"] == phone]) for phone in often}


def count_of(stack: Stack, salon: Any, status: str) -> int:
    counted = stack.query(
        "SELECT count(*) FROM sms_message WHERE salon_id = %s AND kind = 'reminder' AND status = %s", [salon.id, status]
    )
    return int(counted[0][0])


@pytest.fixture
def stack(crowded_stack: Stack) -> Stack:
    return crowded_stack


@pytest.fixture(autouse=True)
def _nothing_left_over(stack: Stack) -> None:
    """Each test has its own phones; texts of earlier ones are forgotten."""
    stack.twilio.reset()
