"""Creating and changing customers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

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
    check_number_is_free(customer, {salon.pk for salon in salons})
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
    keep_imports_out({*customer.salons.values_list("pk", flat=True), *(salon.pk for salon in salons or ())})
    current = Customer.objects.select_for_update().get(pk=customer.pk)
    for name, value in fields.items():
        setattr(current, name, value)
    before = set(current.salons.values_list("pk", flat=True))
    after = before if salons is None else before - set(within) | {salon.pk for salon in salons}
    check_number_is_free(current, after)
    current.save()
    if after != before:
        current.salons.set(after)
    return current


def lock_customers(salon_id: int) -> None:
    """Keep all others from making or changing customers of a salon until the transaction ends.

    For an import: a lock for each of 100,000 numbers is more than PostgreSQL has room for.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"customers of {salon_id}"])


@transaction.atomic
def create_customers(customers: Sequence[Customer], *, salon: Salon) -> None:
    """Make many customers of one salon, in a number of queries that does not depend on how many.

    Raises:
      PhoneNumberTaken: nothing was written.
    """
    lock_customers(salon.pk)
    numbers = [customer.phone_number for customer in customers]
    taken_by = Customer.objects.filter(phone_number__in=numbers, salons=salon).first()
    if taken_by is not None:
        raise PhoneNumberTaken(taken_by.pk)
    Customer.objects.bulk_create(customers)
    memberships = Customer.salons.through
    memberships.objects.bulk_create(memberships(customer=customer, salon=salon) for customer in customers)


@transaction.atomic
def rename_customers(customers: Sequence[Customer], *, salon: Salon) -> None:
    """Give many customers of one salon the names that they bear here."""
    lock_customers(salon.pk)
    for customer in customers:
        customer.modified = timezone.now()
    Customer.objects.bulk_update(customers, ["full_name", "modified"])


def keep_imports_out(salon_ids: Iterable[int]) -> None:
    """Before any customer's row is locked: an import, too, comes for the rows after this."""
    with connection.cursor() as cursor:
        for salon_id in sorted(salon_ids):
            cursor.execute("SELECT pg_advisory_xact_lock_shared(hashtextextended(%s, 0))", [f"customers of {salon_id}"])


def check_number_is_free(customer: Customer, salon_ids: set[int], besides: Customer | None = None) -> None:
    """Until the transaction ends nobody else takes the customer's number in one of the salons.

    Args:
      besides: may have it too.

    Raises:
      PhoneNumberTaken: somebody else has it.
    """
    keep_imports_out(salon_ids)
    with connection.cursor() as cursor:  # until the transaction ends, nobody else looks at this number
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"phone {customer.phone_number}"])
    taken_by = (
        Customer.objects.filter(phone_number=customer.phone_number, salons__in=salon_ids)
        .exclude(pk__in=[each.pk for each in (customer, besides) if each is not None])
        .first()
    )
    if taken_by is not None:
        raise PhoneNumberTaken(taken_by.pk)


def is_in_salon(customer_id: int, salon_id: int) -> bool:
    """Whether a salon has this customer."""
    return Customer.objects.filter(pk=customer_id, salons=salon_id).exists()


def hold_in_salon(customer_id: int, salon_id: int) -> bool:
    """The same; if so, nobody deletes or merges them until the transaction ends.

    A foreign key alone would find out at the commit, when it is too late to say it kindly.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT 1 FROM customer_customer customer
              JOIN customer_customer_salons membership ON membership.customer_id = customer.id
             WHERE customer.id = %s AND membership.salon_id = %s
               FOR KEY SHARE OF customer
            """,
            [customer_id, salon_id],
        )
        return cursor.fetchone() is not None
