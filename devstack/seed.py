"""`python -m devstack.seed`: a demo salon in the database that DATABASE_URL names.

Running it again changes nothing, but for days that have no bookings yet.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "booking_api.settings")
django.setup()

from django.db import transaction  # noqa: E402
from django.utils import timezone  # noqa: E402

from address.models import Address  # noqa: E402
from appointment import services as booking  # noqa: E402
from appointment.models import Appointment  # noqa: E402
from appointment.rules import RuleBroken  # noqa: E402
from customer.models import Customer  # noqa: E402
from devstack import logins  # noqa: E402
from salon.models import Salon  # noqa: E402
from schedule.models import Chair, Service, WorkingHours  # noqa: E402
from user.models import ExtendedUser  # noqa: E402

ZONE = "Europe/London"
SUNDAY = 6
CUSTOMERS = (
    "Amara Okafor",
    "Ben Whitaker",
    "Chloé Martin",
    "Dev Patel",
    "Elif Demir",
    "Fergus Boyd",
    "Grace Lin",
    "Hana Suzuki",
    "Imran Shah",
    "Józef Nowak",
)


@dataclass(frozen=True)
class Visit:
    """A visit of a demo day: local time, chair (and so who), which customer, which services."""

    at: time
    chair: int
    customer: int
    services: tuple[str, ...]


# Name, minutes, price, colour, and what else there is to say.
SERVICES: tuple[tuple[str, int, str, str, dict[str, int]], ...] = (
    ("Cut and finish", 45, "48.00", "#0f766e", {"buffer_after_minutes": 5}),
    ("Fringe trim", 15, "12.00", "#0369a1", {}),
    ("Cut and beard", 60, "42.00", "#4338ca", {"buffer_after_minutes": 5}),
    ("Blow dry", 40, "32.00", "#7e22ce", {}),
    ("Colour", 90, "85.00", "#be185d", {"gap_after_minutes": 30, "gap_minutes": 30, "buffer_after_minutes": 5}),
    ("Highlights", 120, "120.00", "#b45309", {"gap_after_minutes": 45, "gap_minutes": 30, "buffer_after_minutes": 10}),
    ("Patch test", 15, "0.00", "#4d7c0f", {}),
)
CHAIRS = ("Window", "Mirror")
# Monday to Saturday, with lunch at different times.
HOURS = (((9, 13), (14, 18)), ((9, 12), (13, 18)))
DAYS = (
    (
        Visit(time(9, 30), 1, 0, ("Cut and finish",)),
        Visit(time(10, 0), 2, 1, ("Colour",)),
        Visit(time(11, 15), 1, 2, ("Fringe trim",)),
        Visit(time(14, 0), 1, 3, ("Cut and beard",)),
        Visit(time(14, 30), 2, 4, ("Blow dry",)),
        Visit(time(16, 45), 1, 5, ("Cut and finish",)),
    ),
    (
        Visit(time(9, 15), 1, 6, ("Cut and finish", "Fringe trim")),
        Visit(time(9, 45), 2, 7, ("Highlights",)),
        Visit(time(11, 0), 1, 8, ("Blow dry",)),
        Visit(time(15, 0), 2, 9, ("Patch test",)),
    ),
    (
        Visit(time(9, 0), 2, 2, ("Colour", "Cut and finish")),
        Visit(time(10, 30), 1, 4, ("Cut and beard",)),
        Visit(time(16, 0), 1, 0, ("Blow dry",)),
    ),
)
DAYS_AHEAD = 7


def seed(*, is_quiet: bool = False) -> None:
    """Make what is missing. Bookings are made by the same rules as anybody's, so those ahead get their texts.

    Args:
      is_quiet: no visits today, and no confirmations: nothing of it is sent within the next hours.
    """
    with transaction.atomic():
        salon = _salon()
        users = [
            _user(logins.OWNER, "Olivia Hart", salon, is_owner=True),
            _user(logins.STAFF, "Sam Reid", salon),
        ]
        _user(logins.ADMIN, "Platform Admin", None, is_staff=True, is_superuser=True)
        customers = [_customer(number, name, salon) for number, name in enumerate(CUSTOMERS)]
        services = _services(salon)
        _chairs(salon)
        _hours(salon, users)
        today = timezone.localdate(timezone=ZoneInfo(ZONE))
        for number in range(1 if is_quiet else 0, DAYS_AHEAD):
            day = today + timedelta(days=number)
            if day.weekday() != SUNDAY:
                _bookings(salon, users, customers, services, day, DAYS[number % len(DAYS)], confirm=not is_quiet)


def _salon() -> Salon:
    salon, is_new = Salon.objects.get_or_create(
        name=logins.SALON, defaults={"phone_number": "+442079460000", "timezone": ZONE}
    )
    if is_new:
        salon.addresses.add(Address.objects.create(street="12 Marchmont Street", city="London", postal_code="WC1N 1AB"))
    return salon


def _user(email: str, full_name: str, salon: Salon | None, **rights: bool) -> ExtendedUser:
    user = ExtendedUser.objects.filter(email__iexact=email).first()
    if user is None:
        user = ExtendedUser.objects.create_user(email, logins.PASSWORD, full_name=full_name, **rights)
    if salon:
        user.salons.add(salon)
    return user


def _customer(number: int, full_name: str, salon: Salon) -> Customer:
    customer, _ = Customer.objects.get_or_create(
        phone_number=f"+44740012340{number}", defaults={"full_name": full_name}
    )
    customer.salons.add(salon)
    return customer


def _services(salon: Salon) -> dict[str, Service]:
    for position, (name, minutes, price, colour, more) in enumerate(SERVICES):
        Service.objects.get_or_create(
            salon=salon,
            name=name,
            defaults={"duration_minutes": minutes, "price": price, "colour": colour, "position": position, **more},
        )
    return {service.name: service for service in Service.objects.filter(salon=salon)}


def _chairs(salon: Salon) -> None:
    for number, name in enumerate(CHAIRS, start=1):
        Chair.objects.get_or_create(salon=salon, column_id=number, defaults={"name": name, "position": number})


def _hours(salon: Salon, users: Sequence[ExtendedUser]) -> None:
    """Everybody's week, unless somebody has said already when they work."""
    if WorkingHours.objects.filter(salon=salon).exists():
        return
    WorkingHours.objects.bulk_create(
        WorkingHours(salon=salon, user=user, weekday=weekday, opens=time(opens), closes=time(closes))
        for user, day in zip(users, HOURS, strict=True)
        for weekday in range(SUNDAY)
        for opens, closes in day
    )


def _bookings(
    salon: Salon,
    users: Sequence[ExtendedUser],
    customers: Sequence[Customer],
    services: Mapping[str, Service],
    day: date,
    visits: Sequence[Visit],
    *,
    confirm: bool,
) -> None:
    """The bookings of one day, unless the salon has bookings on it already."""
    midnight = datetime.combine(day, time(), ZoneInfo(ZONE))
    if Appointment.objects.filter(
        salon=salon, appointment_time__gte=midnight, appointment_time__lt=midnight + timedelta(days=1)
    ).exists():
        return
    for visit in visits:
        starts_at = datetime.combine(day, visit.at, ZoneInfo(ZONE))
        fields: dict[str, Any] = {
            "salon": salon,
            "user": users[visit.chair - 1],
            "customer": customers[visit.customer],
            "appointment_time": starts_at,
            "column_id": visit.chair,
            "services": [services[name] for name in visit.services],
        }
        with suppress(RuleBroken):  # whoever plays with the demo may have changed its hours, chairs and services
            if starts_at > timezone.now():
                booking.book(**fields, confirm=confirm)
            else:
                booking.record(**fields, status=Appointment.Status.COMPLETED)


if __name__ == "__main__":
    seed(is_quiet="--quietly" in sys.argv[1:])
