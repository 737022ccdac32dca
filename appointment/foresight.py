"""Before anything is done: the texts that it would send."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.db import transaction

from appointment import models
from appointment.due_texts import preview
from appointment.planning import reread
from sms import opt_outs
from sms.models import Message
from sms.segments import count_segments


@dataclass(frozen=True)
class Foreseen:
    """A text that an act would plan: when it would go out and what it would say, or why it would not be sent."""

    message: Message
    body: str
    segments: int
    is_opted_out: bool

    @property
    def is_sent(self) -> bool:
        return self.message.status == Message.Status.PENDING and not self.is_opted_out


def foresee(act: Callable[[], models.Appointment], booking_id: int | None = None) -> list[Foreseen]:
    """The texts that an act of the staff would plan. It is done, looked at and undone, so no rule is told twice.

    Args:
      act: books, changes or cancels one booking.
      booking_id: of the booking, where it is there already.

    Raises: what the act raises.
    """
    with transaction.atomic():
        before = list(Message.objects.filter(booking_id=booking_id).values_list("pk", flat=True)) if booking_id else []
        booking, _ = reread(act())
        planned = list(Message.objects.filter(booking_id=booking.pk).exclude(pk__in=before).order_by("due_at", "id"))
        opted_out = opt_outs.among({message.to for message in planned})
        bodies = [preview(message, booking) for message in planned]
        transaction.set_rollback(True)
    return [
        Foreseen(message, body, count_segments(body).segments, message.to in opted_out)
        for message, body in zip(planned, bodies, strict=True)
    ]
