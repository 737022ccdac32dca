"""Doing in a test's own process, one step at a time, what dispatcher and workers do."""

from __future__ import annotations

from datetime import timedelta

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
