"""`python -m tests.seeding < wanted.json`: salons with owners and customers, written straight to the database.

Reads ``[{"customers": 10, "owner": "", "fields": {…}}, …]``, a salon each, and prints what it made, for
`tests.processes`. The owner is an e-mail address, made if need be; without one each salon gets its own.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from typing import Any

PASSWORD = "correct horse battery"
FIRST_NUMBER = 100_000  # of 1,000,000 in the range below; the sender's own is outside


def seed(wanted: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [_make_salon(**salon) for salon in wanted]


def _make_salon(customers: int, owner: str, fields: dict[str, Any]) -> dict[str, Any]:
    from salon.models import Salon
    from tests.factories import make_salon

    salon = make_salon(**{"name": f"Salon {Salon.objects.count() + 1}", **fields})
    return {
        "id": salon.pk,
        "name": salon.name,
        "owner": _owner_of(salon, owner or f"owner{salon.pk}@salon.example"),
        "customers": make_customers([salon.pk] * customers),
    }


def _owner_of(salon: Any, email: str) -> dict[str, Any]:
    from tests.factories import make_owner
    from user.models import ExtendedUser

    owner = ExtendedUser.objects.filter(email=email).first() or make_owner(email=email, password=PASSWORD)
    owner.salons.add(salon)
    return {"user_id": owner.pk, "email": email, "password": PASSWORD}


def make_customers(salon_ids: Sequence[int]) -> list[tuple[int, str, str]]:
    """A customer of each of the salons named: id, name and number."""
    from customer.models import Customer

    first = FIRST_NUMBER + Customer.objects.count()
    rows = Customer.objects.bulk_create(
        Customer(full_name=f"Customer {number}", phone_number=f"+447400{number:06}")
        for number in range(first, first + len(salon_ids))
    )
    through = Customer.salons.through
    through._default_manager.bulk_create(
        through(customer_id=row.pk, salon_id=salon_id) for row, salon_id in zip(rows, salon_ids, strict=True)
    )
    return [(row.pk, row.full_name, str(row.phone_number)) for row in rows]


if __name__ == "__main__":
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "booking_api.settings")
    django.setup()
    json.dump(seed(json.load(sys.stdin)), sys.stdout)
