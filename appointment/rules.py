"""What makes a booking acceptable. One set of rules for the API, the admin and every import."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Q
from django.utils import timezone

if TYPE_CHECKING:
    from appointment.models import Appointment


@dataclass(frozen=True)
class RuleBroken(Exception):
    """Which field is wrong, a stable code, and a message that says what to do."""

    field: str
    code: str
    message: str


def check(booking: Appointment, stored: Appointment | None) -> None:
    """Check a booking about to be saved against what is ``stored`` of it (None: it is new).

    Raises:
      RuleBroken: the first rule that it breaks.
    """
    _check_times(booking, stored)
    _check_parties(booking, stored)


def _check_times(booking: Appointment, stored: Appointment | None) -> None:
    starts_at = booking.appointment_time
    if booking.end_time is not None and booking.end_time <= starts_at:
        raise RuleBroken("end_time", "ends_before_it_begins", "The end must be later than the beginning.")
    is_moved = stored is None or stored.appointment_time != starts_at
    if is_moved and starts_at <= timezone.now():
        raise RuleBroken("appointment_time", "in_the_past", "Choose a time that is still ahead.")


def _check_parties(booking: Appointment, stored: Appointment | None) -> None:
    of_salon = Q(pk=booking.salon_id)
    customer_is_new = _differs(booking, stored, "salon_id", "customer_id")
    if customer_is_new and not booking.customer.salons.filter(of_salon).exists():
        raise RuleBroken("customer", "not_of_this_salon", "Choose a customer of this salon.")
    user_is_new = _differs(booking, stored, "salon_id", "user_id")
    if user_is_new and not booking.user.salons.filter(of_salon).exists():
        raise RuleBroken("user", "not_of_this_salon", "Choose somebody who works at this salon.")


def _differs(booking: Appointment, stored: Appointment | None, *fields: str) -> bool:
    return stored is None or any(getattr(booking, field) != getattr(stored, field) for field in fields)
