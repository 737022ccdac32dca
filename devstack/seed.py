"""`python -m devstack.seed`: a demo salon in the database that DATABASE_URL names.

Running it again changes nothing, but for days that have no bookings yet.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "booking_api.settings")
django.setup()

from django.db import transaction  # noqa: E402
from django.utils import timezone  # noqa: E402

from address.models import Address  # noqa: E402
from appointment.models import Appointment  # noqa: E402
from customer.models import Customer  # noqa: E402
from devstack import logins  # noqa: E402
from salon.models import Salon  # noqa: E402
from user.models import ExtendedUser  # noqa: E402

SALON, ZONE = "Demo Salon", "Europe/London"
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
class Slot:
    """A visit of the demo day: local time, minutes, chair, which customer, what for."""

    at: time
    minutes: int
    chair: int
    customer: int
    comment: str


TODAY = (
    Slot(time(9, 30), 45, 1, 0, "Cut and finish"),
    Slot(time(10, 0), 90, 2, 1, "Colour"),
    Slot(time(11, 15), 30, 1, 2, "Fringe trim"),
    Slot(time(13, 0), 60, 1, 3, "Cut and beard"),
    Slot(time(14, 30), 45, 2, 4, "Blow dry"),
    Slot(time(16, 45), 60, 1, 5, "Cut and finish"),
)
TOMORROW = (
    Slot(time(9, 15), 60, 1, 6, "Cut and finish"),
    Slot(time(10, 30), 120, 2, 7, "Highlights"),
    Slot(time(12, 0), 30, 1, 8, "Dry cut"),
    Slot(time(15, 0), 45, 2, 9, "Patch test and consultation"),
)


def seed() -> None:
    """Make what is missing. Bookings go through `Appointment.save()`, so those ahead get their texts."""
    with transaction.atomic():
        salon = _salon()
        users = [
            _user(logins.OWNER, "Olivia Hart", salon, is_owner=True),
            _user(logins.STAFF, "Sam Reid", salon),
        ]
        _user(logins.ADMIN, "Platform Admin", None, is_staff=True, is_superuser=True)
        customers = [_customer(number, name, salon) for number, name in enumerate(CUSTOMERS)]
        today = timezone.localdate(timezone=ZoneInfo(ZONE))
        _bookings(salon, users, customers, today, TODAY)
        _bookings(salon, users, customers, today + timedelta(days=1), TOMORROW)


def _salon() -> Salon:
    salon, is_new = Salon.objects.get_or_create(
        name=SALON, defaults={"phone_number": "+442079460000", "timezone": ZONE}
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


def _bookings(
    salon: Salon, users: Sequence[ExtendedUser], customers: Sequence[Customer], day: date, slots: Sequence[Slot]
) -> None:
    """The bookings of one day, unless the salon has bookings on it already."""
    midnight = datetime.combine(day, time(), ZoneInfo(ZONE))
    if Appointment.objects.filter(
        salon=salon, appointment_time__gte=midnight, appointment_time__lt=midnight + timedelta(days=1)
    ).exists():
        return
    for slot in slots:
        starts_at = datetime.combine(day, slot.at, ZoneInfo(ZONE))
        is_over = starts_at <= timezone.now()
        Appointment.objects.create(
            salon=salon,
            user=users[slot.chair - 1],
            customer=customers[slot.customer],
            appointment_time=starts_at,
            end_time=starts_at + timedelta(minutes=slot.minutes),
            comment=slot.comment,
            column_id=slot.chair,
            status=Appointment.Status.COMPLETED if is_over else Appointment.Status.BOOKED,
        )


if __name__ == "__main__":
    seed()
