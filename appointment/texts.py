"""The words of every text, with the salon's local time."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import arrow

if TYPE_CHECKING:
    from appointment.models import Appointment

TIME = "h:mm A"

CONFIRMATION = "Hi {customer}, Your appointment at {salon} has been confirmed for {date} at {time}. See you soon!"
REMINDER = "Hi {customer}, You have an appointment coming up at {time}. Regards {salon}."
CANCELLATION = "Hi, We regret to inform you that your scheduled appointment for {date} {time} has been cancelled."

OFFER = "Hi {customer}, {salon} has a free time for you: {date} at {time}. It is kept for you until {until}: {link}"


def confirmation(booking: Appointment) -> str:
    return _render(CONFIRMATION, booking, booking.appointment_time)


def reminder(booking: Appointment) -> str:
    return _render(REMINDER, booking, booking.appointment_time)


def cancellation(booking: Appointment, visit_at: datetime) -> str:
    """``visit_at`` is the time that the customer knew, aware."""
    return _render(CANCELLATION, booking, visit_at)


def offer(booking: Appointment, kept_until: datetime, link: str) -> str:
    """``kept_until`` aware; ``link`` is where the customer takes it or says no."""
    until = arrow.get(kept_until).to(booking.salon.timezone).format(TIME)
    return _render(OFFER, booking, booking.appointment_time, until=until, link=link)


def _render(template: str, booking: Appointment, visit_at: datetime, **more: str) -> str:
    local = arrow.get(visit_at).to(booking.salon.timezone)
    return template.format(
        **more,
        customer=booking.customer.full_name.strip() or "Customer",
        salon=booking.salon.name,
        date=local.format("YYYY-MM-DD"),
        time=local.format(TIME),
    )
