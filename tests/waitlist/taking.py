"""A day with one visit in it, and ways to give its time up."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any

from appointment import services
from appointment.models import Appointment
from sms.clock import database_now
from tests.factories import hours_ahead, make_customer
from waitlist.models import Entry, Offer

DAY = hours_ahead(72).date()


def at(salon: Any, clock: str, day: Any = DAY) -> datetime:
    """A time of the day on the salon's clock."""
    return datetime.combine(day, time.fromisoformat(clock), salon.zone)


def take(salon: Any, stylist: Any, cut: Any, clock: str = "10:00", **fields: Any) -> Appointment:
    """Book the time for somebody."""
    customer = fields.pop("customer", None) or make_customer(salon)
    return services.book(
        salon=salon, user=stylist, customer=customer, appointment_time=at(salon, clock), services=[cut], **fields
    )


def offered(entry: Entry) -> Any:
    """The offer that the entry has open, or None."""
    return entry.offers.filter(outcome="open").first()


def let_hold_end(offer: Offer) -> None:
    Offer.objects.filter(pk=offer.pk).update(expires_at=database_now() - timedelta(seconds=1))


def state_of(entry: Entry) -> str:
    return Entry.objects.get(pk=entry.pk).state
