"""Creating and changing customers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction

from customer.models import Customer
from salon.models import Salon


@dataclass(frozen=True)
class PhoneNumberTaken(Exception):
    """One of the salons already has a customer with this number."""

    customer_id: int


@transaction.atomic
def create_customer(*, salons: Iterable[Salon], **fields: Any) -> Customer:
    """Raises:
    PhoneNumberTaken: nothing was written.
    """
    customer = Customer(**fields)
    _check_number_is_free(customer, {salon.pk for salon in salons})
    customer.save()
    customer.salons.set(salons)
    return customer


@transaction.atomic
def change_customer(
    customer: Customer, *, salons: Iterable[Salon] | None, within: Iterable[int], **fields: Any
) -> Customer:
    """Change the given fields and no others.

    Args:
      salons: the customer's salons among ``within``, None to leave them.
      within: ids of the salons that the caller sees; the customer's other salons stay as they are.

    Raises:
      PhoneNumberTaken: nothing was written.
    """
    current = Customer.objects.select_for_update().get(pk=customer.pk)
    for name, value in fields.items():
        setattr(current, name, value)
    before = set(current.salons.values_list("pk", flat=True))
    after = before if salons is None else before - set(within) | {salon.pk for salon in salons}
    _check_number_is_free(current, after)
    current.save()
    if after != before:
        current.salons.set(after)
    return current


def _check_number_is_free(customer: Customer, salon_ids: set[int]) -> None:
    with connection.cursor() as cursor:  # until the transaction ends, nobody else looks at this number
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"phone {customer.phone_number}"])
    taken_by = (
        Customer.objects.filter(phone_number=customer.phone_number, salons__in=salon_ids)
        .exclude(pk=customer.pk)
        .first()
    )
    if taken_by is not None:
        raise PhoneNumberTaken(taken_by.pk)
