"""`python -m tests.seeding < wanted.json`: salons with owners and customers, written straight to the database.

Reads ``{"salons": 1, "customers": 10, "salon_fields": {…}}`` and prints what it made, for `tests.processes`.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

PASSWORD = "correct horse battery"
FIRST_NUMBER = 100_000  # of 1,000,000 in the range below; the sender's own is outside


def seed(salons: int, customers: int, salon_fields: dict[str, Any]) -> list[dict[str, Any]]:
    from django.contrib.auth.hashers import make_password

    from salon.models import Salon
    from tests.factories import make_owner, make_salon

    made = []
    hashed = make_password(PASSWORD)
    for _ in range(salons):
        salon = make_salon(**{"name": f"Salon {Salon.objects.count() + 1}", **salon_fields})
        owner = make_owner(salon, email=f"owner{salon.pk}@salon.example")
        type(owner).objects.filter(pk=owner.pk).update(password=hashed)
        made.append(
            {
                "id": salon.pk,
                "owner": {"user_id": owner.pk, "email": owner.email, "password": PASSWORD},
                "customers": _make_customers(salon, customers),
            }
        )
    return made


def _make_customers(salon: Any, count: int) -> list[tuple[int, str]]:
    from customer.models import Customer

    first = FIRST_NUMBER + Customer.objects.count()
    rows = Customer.objects.bulk_create(
        Customer(full_name=f"Customer {number}", phone_number=f"+447400{number:06}")
        for number in range(first, first + count)
    )
    through = Customer.salons.through
    through._default_manager.bulk_create(through(customer_id=row.pk, salon_id=salon.pk) for row in rows)
    return [(row.pk, str(row.phone_number)) for row in rows]


if __name__ == "__main__":
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "booking_api.settings")
    django.setup()
    json.dump(seed(**json.load(sys.stdin)), sys.stdout)
