"""What threads ask for at the same moment is done together, and what is wrong with one harms no other."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from appointment import due_texts
from sms import delivery, opt_outs
from sms.batches import Batched
from sms.models import Message
from tests.delivering import SENDER, make_due
from tests.factories import make_appointment

Kind = Message.Kind


class Work:
    """Doubles numbers; holds its first batch up until it is let go, so that others come together meanwhile."""

    def __init__(self, fail=lambda numbers: None):
        self.batches, self.threads = [], set()
        self._fail, self._let_go = fail, threading.Event()

    def __call__(self, numbers):
        self.batches.append(list(numbers))
        self.threads.add(threading.get_ident())
        if len(self.batches) == 1:
            self._let_go.wait(10)
        self._fail(numbers)
        return [2 * number for number in numbers]

    def ask(self, batched, numbers):
        """The answers to numbers that were asked for while the first batch was at work."""
        with ThreadPoolExecutor(len(numbers) + 1) as pool:
            first = pool.submit(batched, 0)
            while not self.batches:
                pass
            futures = [pool.submit(batched, number) for number in numbers]
            while batched._waiting.qsize() < len(numbers):
                pass
            self._let_go.set()
            first.exception()
            return [future.exception() or future.result() for future in futures]


def test_what_was_asked_for_meanwhile_is_done_together():
    work = Work()
    batched = Batched("test", work)
    batched.start()
    assert work.ask(batched, list(range(1, 21))) == [2 * number for number in range(1, 21)]
    assert [len(batch) for batch in work.batches] == [1, 20]
    assert len(work.threads) == 1


def test_one_that_cannot_be_done_harms_no_other():
    def fail(numbers):
        if 3 in numbers:
            raise ValueError("not three")

    work = Work(fail)
    batched = Batched("test", work)
    batched.start()
    answers = work.ask(batched, [1, 2, 3, 4])
    assert [str(answer) for answer in answers] == ["2", "4", "not three", "8"]


def test_database_that_is_away_is_not_sought_once_for_each():
    def fail(numbers):
        raise OperationalError("away")

    work = Work(fail)
    batched = Batched("test", work)
    batched.start()
    answers = work.ask(batched, [1, 2, 3, 4])
    assert [str(answer) for answer in answers] == ["away"] * 4
    assert len(work.batches) == 2


def test_without_a_thread_each_caller_does_its_own():
    work = Work()
    work._let_go.set()
    assert Batched("test", work)(4) == 8
    assert work.threads == {threading.get_ident()}


@pytest.mark.django_db
def test_claims_together_cost_the_same_statements_as_one():
    def claim_all(bookings):
        owed = [delivery.Owed(one.pk, Kind.CONFIRMATION, due_texts.compose_confirmations) for one in bookings]
        with CaptureQueriesContext(connection) as queries:
            claims = delivery.claims._work(owed)
        return claims, len(queries)

    _, one = claim_all([make_appointment()])
    claims, many = claim_all([make_appointment(allow_overlap=True) for _ in range(12)])
    assert many == one
    assert len({claim.outgoing.message_id for claim in claims}) == 12
    assert Message.objects.filter(kind="confirmation", status="sending", attempts=1).count() == 13


@pytest.mark.django_db
def test_two_texts_of_one_booking_asked_for_together_go_one_after_the_other():
    booking = make_appointment()
    make_due(Message.objects.get(kind="reminder"))
    other = make_appointment(allow_overlap=True)
    claims = delivery.claims._work(
        [
            delivery.Owed(booking.pk, Kind.CONFIRMATION, due_texts.compose_confirmations),
            delivery.Owed(booking.pk, Kind.REMINDER, due_texts.compose_reminders),
            delivery.Owed(booking.pk, Kind.CONFIRMATION, due_texts.compose_confirmations),
            delivery.Owed(other.pk, Kind.CONFIRMATION, due_texts.compose_confirmations),
        ]
    )
    assert [claim.kind if claim else None for claim in claims] == ["confirmation", None, None, "confirmation"]
    assert Message.objects.get(booking=booking, kind="reminder").status == "pending"


@pytest.mark.django_db
def test_one_who_opted_out_is_told_from_the_others_of_a_batch():
    bookings = [make_appointment(allow_overlap=True) for _ in range(3)]
    opt_outs.record(str(bookings[1].customer.phone_number), "STOP", SENDER)
    owed = [delivery.Owed(one.pk, Kind.CONFIRMATION, due_texts.compose_confirmations) for one in bookings]
    claims = delivery.claims._work(owed)
    assert [claim is not None for claim in claims] == [True, False, True]
    assert Message.objects.get(booking=bookings[1], kind="confirmation").status == "skipped"


@pytest.mark.django_db
def test_outcomes_together_are_each_told_by_their_own_fate():
    bookings = [make_appointment(allow_overlap=True) for _ in range(4)]
    owed = [delivery.Owed(one.pk, Kind.CONFIRMATION, due_texts.compose_confirmations) for one in bookings]
    claims: Any = delivery.claims._work(owed)
    Message.objects.filter(pk=claims[3].outgoing.message_id).update(attempts=2)
    answers: list[Any] = [
        delivery.transport.Accepted("SM1", 1),
        delivery.Rejected("no such number", 21211),
        delivery.transport.Accepted("SM2", 0),
        delivery.transport.Accepted("SM3", 1),
    ]
    outcomes = [delivery.Outcome(claim, answer) for claim, answer in zip(claims, answers, strict=True)]
    assert delivery.records._work(outcomes) == [True, True, True, False]
    rows = Message.objects.filter(kind="confirmation").order_by("id")
    assert [(row.status, row.sid) for row in rows] == [
        ("sent", "SM1"),
        ("failed", ""),
        ("sent", "SM2"),
        ("sending", ""),
    ]
    assert rows[2].segments == 1, "our own count where Twilio has none yet"
