"""`python -m bench.day_salons < wanted.json`: salons by the thousand, written straight to the database.

Reads ``[{"zone": "Europe/Berlin", "reminder_minutes": 60, "customers": 12}, …]``, a salon each, and prints what it
made: each with an owner, who is the whole staff, and an access token of theirs.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from tests.seeding import make_customers


def make(wanted: list[dict[str, Any]]) -> list[dict[str, Any]]:
    from rest_framework_simplejwt.tokens import AccessToken

    salons = _make_salons(wanted)
    owners = _make_owners(salons)
    salon_ids = [salon.pk for salon, one in zip(salons, wanted, strict=True) for _ in range(one["customers"])]
    customers = iter(make_customers(salon_ids))
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


if __name__ == "__main__":
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "booking_api.settings")
    django.setup()
    json.dump(make(json.load(sys.stdin)), sys.stdout)
