"""Plain makers of the things that tests are about; every argument has a sensible default."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, time, timedelta
from typing import Any

from appointment import series
from appointment.models import Appointment, Series
from customer.models import Customer
from salon.models import Salon
from schedule.models import Service, WorkingHours
from user.models import ExtendedUser
from waitlist import services as waitlist
from waitlist.models import Entry, Offer

_numbers = itertools.count(1)


def make_phone_number() -> str:
    """A valid UK mobile number that no other call returns."""
    return f"+447400{next(_numbers) % 1_000_000:06}"


def hours_ahead(hours: float) -> datetime:
    """Aware UTC, to the second."""
    return datetime.now(UTC).replace(microsecond=0) + timedelta(hours=hours)


def make_salon(**fields: Any) -> Salon:
    return Salon.objects.create(**{"name": "Shear Delight", "phone_number": "+442079460123", **fields})


def make_user(*salons: Salon, **fields: Any) -> ExtendedUser:
    password = fields.pop("password", None)
    email = fields.pop("email", f"staff{next(_numbers)}@salon.example")
    user = ExtendedUser.objects.create_user(email, password, **fields)
    user.salons.set(salons)
    return user


def make_owner(*salons: Salon, **fields: Any) -> ExtendedUser:
    return make_user(*salons, is_owner=True, **fields)


def make_platform_admin(**fields: Any) -> ExtendedUser:
    return make_user(is_superuser=True, is_staff=True, **fields)


def make_customer(*salons: Salon, **fields: Any) -> Customer:
    customer = Customer.objects.create(**{"full_name": "Ada Lovelace", "phone_number": make_phone_number(), **fields})
    customer.salons.set(salons)
    return customer


def make_appointment(**fields: Any) -> Appointment:
    """A booking a day ahead, saved through the hooks, with a salon, staff and customer of its own."""
    salon = fields.pop("salon", None) or make_salon()
    defaults = {"appointment_time": hours_ahead(24), "salon": salon}
    if "user" not in fields:
        defaults["user"] = make_user(salon)
    if "customer" not in fields:
        defaults["customer"] = make_customer(salon)
    return Appointment.objects.create(**{**defaults, **fields})


def make_series(salon: Salon, rule: str = "FREQ=WEEKLY;COUNT=3", **fields: Any) -> Series:
    """Visits of an hour, the first of them in thirty hours."""
    first = fields.pop("appointment_time", None) or hours_ahead(30)
    times = {"appointment_time": first, "end_time": first + timedelta(hours=1)}
    user, customer = fields.pop("user", None) or make_user(salon), make_customer(salon)
    defaults = {"salon": salon, "user": user, "customer": customer, "created_by": None}
    return series.make(rule=rule, **{**defaults, **times, **fields}).series


def make_service(salon: Salon, **fields: Any) -> Service:
    name = fields.pop("name", f"Service {next(_numbers)}")
    return Service.objects.create(salon=salon, **{"name": name, "duration_minutes": 60, **fields})


def make_week(salon: Salon, user: ExtendedUser, opens: str = "09:00", closes: str = "17:00") -> None:
    """The same hours on every day of the week."""
    times = {"opens": time.fromisoformat(opens), "closes": time.fromisoformat(closes)}
    WorkingHours.objects.bulk_create(WorkingHours(salon=salon, user=user, weekday=day, **times) for day in range(7))


def make_entry(salon: Salon, *services: Service, **fields: Any) -> Entry:
    """A customer of the salon who waits, today and for a month, for the services or for one made up."""
    customer = fields.pop("customer", None) or make_customer(salon)
    today = datetime.now(salon.zone).date()
    days = {"first_day": today, "last_day": today + timedelta(days=30)}
    wanted = services or [make_service(salon)]
    return waitlist.add(salon=salon, customer=customer, services=wanted, **{**days, **fields})


def make_offered_entry(salon: Salon, user: ExtendedUser, *services: Service) -> Entry:
    """A customer who waits, and for whom a time of the user's is kept."""
    entry = make_entry(salon, *services)
    begins, ends = hours_ahead(100), hours_ahead(101)
    times = {"salon": salon, "customer": entry.customer, "appointment_time": begins, "end_time": ends, "column_id": 8}
    kept = make_appointment(user=user, status=Appointment.Status.OFFERED, **times)
    Offer.objects.create(
        entry=entry,
        appointment=kept,
        starts_at=begins,
        ends_at=ends,
        created_at=hours_ahead(0),
        expires_at=hours_ahead(1),
    )
    entry.state = Entry.State.OFFERED
    entry.save()
    return entry
