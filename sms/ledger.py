"""What changes in the ledger when a booking does: rows planned, withdrawn, moved.

Every function runs inside the caller's transaction, beside the change of the booking itself: both commit
together or neither does.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Exists, OuterRef, Q

from sms.models import Message
from sms.segments import count_segments

# The nudge after the commit is quicker; the dispatcher steps in when it was lost.
NUDGE_GRACE = timedelta(seconds=2)
# A reminder at the very start of a visit still has a minute to go out in.
MINIMUM_USEFUL = timedelta(minutes=1)

# Their words are fixed when they are planned.
WORDED_WHEN_PLANNED = (Message.Kind.CANCELLATION, Message.Kind.OFFER)

BOOKED_INSIDE_WINDOW = "booked inside the reminder window"
MERGED = "told once, as two records of the customer became one"


UNSETTLED = (Message.Status.PENDING, Message.Status.SENDING, Message.Status.UNKNOWN)


class NotAgain(Exception):
    """Why a text cannot be sent again."""


@dataclass(frozen=True)
class Visit:
    """What a text is about: whose visit, where, when (aware), and the phone it goes to (E.164)."""

    booking_id: int
    salon_id: int
    customer_id: int
    phone_number: str
    starts_at: datetime


def plan_now(
    visit: Visit, kind: Message.Kind, now: datetime, body: str = "", expires_at: datetime | None = None
) -> Message:
    """Plan a text that goes out at once.

    Args:
      body: where it must be fixed now, as its booking may vanish.
      expires_at: where it stops helping before the visit begins.
    """
    segments = count_segments(body).segments if body else None
    text = _text(visit, kind, now, due_at=now, wait=NUDGE_GRACE, expires_at=expires_at, body=body, segments=segments)
    text.save()
    return text


def plan_reminder(visit: Visit, minutes_before: int, now: datetime) -> Message:
    """Plan the reminder ``minutes_before`` the visit, or record why it will not be sent."""
    reminder = _reminder(visit, minutes_before, now)
    reminder.save()
    return reminder


def plan_confirmation_and_reminder(visit: Visit, minutes_before: int, now: datetime) -> Message:
    """Both, in one statement. Returns: the reminder, as `plan_reminder`."""
    confirmation = _text(visit, Message.Kind.CONFIRMATION, now, due_at=now, wait=NUDGE_GRACE)
    _, reminder = Message.objects.bulk_create([confirmation, _reminder(visit, minutes_before, now)])
    return reminder


def _reminder(visit: Visit, minutes_before: int, now: datetime) -> Message:
    due_at = visit.starts_at - timedelta(minutes=minutes_before)
    status, reason = Message.Status.PENDING, ""
    if due_at <= now:
        status, reason = Message.Status.SKIPPED, BOOKED_INSIDE_WINDOW
    return _text(visit, Message.Kind.REMINDER, now, due_at=due_at, status=status, reason=reason)


def _text(
    visit: Visit,
    kind: Message.Kind,
    now: datetime,
    due_at: datetime,
    wait: timedelta = timedelta(),
    expires_at: datetime | None = None,
    **fields: Any,
) -> Message:
    """A row of the ledger, not saved yet."""
    return Message(
        booking_id=visit.booking_id,
        salon_id=visit.salon_id,
        customer_id=visit.customer_id,
        to=visit.phone_number,
        kind=kind,
        visit_at=visit.starts_at,
        due_at=due_at,
        next_attempt_at=due_at + wait,
        expires_at=expires_at or max(visit.starts_at, due_at + MINIMUM_USEFUL),
        created_at=now,
        **fields,
    )


def plan_again(message: Message, now: datetime) -> Message:
    """Plan the same text once more, to go out at once; like any other it is checked again before it is sent.

    Raises:
      NotAgain: it has not been settled yet, or would come too late.
    """
    waiting = Message.objects.filter(booking_id=message.booking_id, kind=message.kind, status__in=UNSETTLED)
    if waiting.exists():
        raise NotAgain("It is still on its way.")
    if now >= message.expires_at:
        raise NotAgain("It would come too late.")
    visit = Visit(message.booking_id, message.salon_id, message.customer_id, message.to, message.visit_at)
    body = message.body if message.kind in WORDED_WHEN_PLANNED else ""
    expires_at = message.expires_at if message.kind == Message.Kind.OFFER else None
    again = _text(visit, Message.Kind(message.kind), now, due_at=now, expires_at=expires_at, body=body)
    again.save()
    return again


def withdraw(booking_id: int, which: Q, status: Message.Status, reason: str) -> int:
    """Close those of a booking's texts that still wait. One that a worker has already claimed is on its way.

    Returns: how many rows were closed.
    """
    waiting = Message.objects.filter(which, booking_id=booking_id, status=Message.Status.PENDING)
    return waiting.update(status=status, reason=reason, leased_until=None)


def give(dropped_id: int, kept_id: int, phone_number: str) -> None:
    """Give every text of one customer to another; what of both still waits goes to ``phone_number`` (E.164).

    What a worker has claimed is on its way to where it was going. Where both wait for the same word of one booking
    (it was taken from the one and given to the other), one of them is enough.
    """
    theirs = Message.objects.filter(customer_id=dropped_id)
    waiting = Message.objects.filter(status=Message.Status.PENDING)
    twins = waiting.filter(customer_id=kept_id, booking_id=OuterRef("booking_id"), kind=OuterRef("kind"))
    theirs.filter(Exists(twins), status=Message.Status.PENDING).update(
        status=Message.Status.SUPERSEDED, reason=MERGED, leased_until=None
    )
    theirs.update(customer_id=kept_id)
    waiting.filter(customer_id=kept_id).update(to=phone_number)


def move_reminders(salon_id: int, minutes_before: int) -> int:
    """Re-plan every pending reminder of a salon, in one statement.

    A reminder whose new moment has passed keeps its old one; where that has come too, it is going out now.

    Returns: how many reminders moved.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE sms_message
               SET due_at = moved.due_at, next_attempt_at = moved.due_at, leased_until = NULL,
                   expires_at = greatest(visit_at, moved.due_at + make_interval(secs => %(useful)s))
              FROM (SELECT id, visit_at - make_interval(mins => %(minutes)s) AS due_at
                      FROM sms_message
                     WHERE salon_id = %(salon)s AND kind = 'reminder' AND status = 'pending') moved
             WHERE sms_message.id = moved.id AND sms_message.status = 'pending'
               AND moved.due_at > now() AND moved.due_at <> sms_message.due_at
            """,
            {"minutes": minutes_before, "useful": MINIMUM_USEFUL.total_seconds(), "salon": salon_id},
        )
        return int(cursor.rowcount)


def next_reminder_at(salon_id: int) -> datetime | None:
    """When the next of a salon's pending reminders is due."""
    waiting = Message.objects.filter(salon_id=salon_id, kind=Message.Kind.REMINDER, status=Message.Status.PENDING)
    return waiting.order_by("due_at").values_list("due_at", flat=True).first()
