"""Doing in a test's own process, one step at a time, what dispatcher and workers do."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db.models import F

from appointment import tasks
from sms import dispatch
from sms.clock import database_now
from sms.models import Message

SENDER = "+447700900000"


def due_messages() -> list[Message]:
    return list(
        Message.objects.filter(status=Message.Status.PENDING, due_at__lte=database_now()).order_by("due_at", "id")
    )


def deliver_due() -> None:
    """Run the actor of every text that is due now, once, without Redis."""
    assert tasks
    for message in due_messages():
        dispatch.actor_for(message.kind).fn(message.booking_id)


def ledger_of(booking: Any) -> list[tuple[str, str, str]]:
    """Kind, status and reason of each text of a booking (or of a booking's id), oldest first."""
    booking_id = getattr(booking, "pk", booking)
    rows = Message.objects.filter(booking_id=booking_id).order_by("id")
    return [(row.kind, row.status, row.reason) for row in rows]


def make_due(message: Message) -> Message:
    """Bring a text's moment forward to now, leaving the visit that it speaks of where it is."""
    now = database_now()
    Message.objects.filter(pk=message.pk).update(due_at=now, next_attempt_at=now, leased_until=None)
    message.refresh_from_db()
    return message


def wait_until(condition: Callable[[], Any], seconds: float = 5.0) -> Any:
    """What ``condition`` says as soon as it is true. Raises AssertionError when it does not become so."""
    give_up_at = time.monotonic() + seconds
    while not (said := condition()):
        assert time.monotonic() < give_up_at, f"not within {seconds:g} s"
        time.sleep(0.02)
    return said


def let_time_pass(interval: timedelta) -> None:
    """Move the whole ledger, and the bookings it speaks of, into the past by ``interval``."""
    from appointment.models import Appointment

    Appointment.objects.update(
        appointment_time=F("appointment_time") - interval,
        end_time=F("end_time") - interval,
        texts_planned_for=F("texts_planned_for") - interval,
    )
    Message.objects.update(
        **{
            name: F(name) - interval
            for name in ("visit_at", "due_at", "expires_at", "next_attempt_at", "leased_until", "created_at")
        },
        attempted_at=F("attempted_at") - interval,
        sent_at=F("sent_at") - interval,
    )
