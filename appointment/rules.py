"""What makes a booking acceptable. One set of rules for the API, the admin and every import."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import connection
from django.db.models import Q
from django.utils import timezone

from appointment import models

if TYPE_CHECKING:
    from appointment.models import Appointment


@dataclass(frozen=True)
class RuleBroken(Exception):
    """Which field is wrong, a stable code, and a message that says what to do."""

    field: str
    code: str
    message: str


# A slip of the year; and dates have an end, past which the salon's clock cannot be told.
FARTHEST_AHEAD = timedelta(days=3653)


class SlotTaken(RuleBroken):
    """Another booking has the column at that time."""


def check(booking: Appointment, stored: Appointment | None) -> None:
    """Check a booking about to be saved against what is ``stored`` of it (None: it is new).

    Called within the transaction that saves it: the column's time is locked until that ends.

    Raises:
      RuleBroken: the first rule that it breaks.
    """
    _check_status(booking, stored)
    _check_times(booking, stored)
    _check_parties(booking, stored)
    _check_overlap(booking, stored)


def _check_status(booking: Appointment, stored: Appointment | None) -> None:
    if stored is None and booking.status != booking.Status.BOOKED:
        raise RuleBroken("status", "not_booked", "A new booking is booked; change its state afterwards.")


def _check_times(booking: Appointment, stored: Appointment | None) -> None:
    starts_at = booking.appointment_time
    if booking.end_time is not None and booking.end_time <= starts_at:
        raise RuleBroken("end_time", "ends_before_it_begins", "The end must be later than the beginning.")
    is_moved = _differs(booking, stored, "appointment_time") or (
        booking.status == booking.Status.BOOKED and _differs(booking, stored, "status")
    )
    if is_moved and starts_at <= timezone.now():
        raise RuleBroken("appointment_time", "in_the_past", "Choose a time that is still ahead.")
    if is_moved and starts_at > timezone.now() + FARTHEST_AHEAD:
        raise RuleBroken("appointment_time", "too_far_ahead", "Choose a time within the next ten years.")


def _check_parties(booking: Appointment, stored: Appointment | None) -> None:
    of_salon = Q(pk=booking.salon_id)
    customer_is_new = _differs(booking, stored, "salon_id", "customer_id")
    if customer_is_new and not booking.customer.salons.filter(of_salon).exists():
        raise RuleBroken("customer", "not_of_this_salon", "Choose a customer of this salon.")
    user_is_new = _differs(booking, stored, "salon_id", "user_id")
    if user_is_new and not booking.user.salons.filter(of_salon).exists():
        raise RuleBroken("user", "not_of_this_salon", "Choose somebody who works at this salon.")


def _check_overlap(booking: Appointment, stored: Appointment | None) -> None:
    if booking.end_time is None or booking.allow_overlap or booking.status not in models.OCCUPYING:
        return
    if not _differs(
        booking, stored, "salon_id", "column_id", "appointment_time", "end_time", "allow_overlap", "status"
    ):
        return
    _lock_column(booking.salon_id, booking.column_id)
    taken = (
        models.Appointment.objects.filter(
            salon_id=booking.salon_id,
            column_id=booking.column_id,
            status__in=models.OCCUPYING,
            appointment_time__lt=booking.end_time,
            end_time__gt=booking.appointment_time,
        )
        .exclude(pk=booking.pk)
        .order_by("appointment_time")
        .first()
    )
    if taken is not None:
        raise SlotTaken("appointment_time", "slot_taken", _describe(taken))


def _lock_column(salon_id: int, column_id: int) -> None:
    """Let one booking at a time look whether a column is free, until its transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"column {column_id} of {salon_id}"])


def _describe(taken: Appointment) -> str:
    zone = taken.salon.zone
    begins, ends = (moment.astimezone(zone) for moment in (taken.appointment_time, taken.end_time) if moment)
    return (
        f"Column {taken.column_id} is taken from {begins:%Y-%m-%d %H:%M} to {ends:%H:%M}. "
        "Choose another time or column, or allow the overlap."
    )


def _differs(booking: Appointment, stored: Appointment | None, *fields: str) -> bool:
    return stored is None or any(getattr(booking, field) != getattr(stored, field) for field in fields)
