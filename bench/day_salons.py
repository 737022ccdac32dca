"""`python -m bench.day_salons < wanted.json`: salons by the thousand, written straight to the database.

Reads ``[{"zone": "Europe/Berlin", "reminder_minutes": 60, "customers": 12}, …]``, a salon each, and prints what it
made: each with an owner, who is the whole staff, and an access token of theirs.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

FIRST_NUMBER = 100_000  # of 1,000,000 in the range below; the sender's own is outside


def make(wanted: list[dict[str, Any]]) -> list[dict[str, Any]]:
    from rest_framework_simplejwt.tokens import AccessToken

    salons = _make_salons(wanted)
    owners = _make_owners(salons)
    customers = iter(_make_customers(salons, [one["customers"] for one in wanted]))
    return [
        {
            "id": salon.pk,
            "name": salon.name,
            "user": owner.pk,
            "token": str(AccessToken.for_user(owner)),
            "customers": [next(customers) for _ in range(one["customers"])],
        }
        for salon, owner, one in zip(salons, owners, wanted, strict=True)
    ]


def _make_salons(wanted: list[dict[str, Any]]) -> list[Any]:
    from salon.models import Salon

    return Salon.objects.bulk_create(
        Salon(
            name=f"Salon {number}",
            phone_number="+442079460123",
            timezone=one["zone"],
            reminder_time_minutes=one["reminder_minutes"],
        )
        for number, one in enumerate(wanted, start=1)
    )


def _make_owners(salons: list[Any]) -> list[Any]:
    from django.contrib.auth.hashers import make_password

    from user.models import ExtendedUser

    owners = ExtendedUser.objects.bulk_create(
        ExtendedUser(email=f"owner{salon.pk}@salon.example", is_owner=True, password=make_password(None))
        for salon in salons
    )
    through = ExtendedUser.salons.through
    through._default_manager.bulk_create(
        through(extendeduser_id=owner.pk, salon_id=salon.pk) for owner, salon in zip(owners, salons, strict=True)
    )
    return owners


def _make_customers(salons: list[Any], counts: list[int]) -> list[tuple[int, str, str]]:
    from customer.models import Customer

    numbers = range(FIRST_NUMBER, FIRST_NUMBER + sum(counts))
    made = Customer.objects.bulk_create(
        Customer(full_name=f"Customer {number}", phone_number=f"+447400{number:06}") for number in numbers
    )
    of_salons = [salon.pk for salon, count in zip(salons, counts, strict=True) for _ in range(count)]
    through = Customer.salons.through
    through._default_manager.bulk_create(
        through(customer_id=row.pk, salon_id=salon_id) for row, salon_id in zip(made, of_salons, strict=True)
    )
    return [(row.pk, row.full_name, str(row.phone_number)) for row in made]


if __name__ == "__main__":
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "booking_api.settings")
    django.setup()
    json.dump(make(json.load(sys.stdin)), sys.stdout)
