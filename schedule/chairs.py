"""The columns of a salon's day."""

from __future__ import annotations

from salon.models import Salon
from schedule.models import Chair


def chairs_of(salon: Salon) -> list[Chair]:
    """The chairs of a salon from left to right, with their services and people; two queries more than the chairs.

    A salon that has named none has as many columns as people work there, and these are not in the database.
    """
    chairs = list(Chair.objects.filter(salon=salon).prefetch_related("services", "people"))
    if chairs:
        return chairs
    staff = salon.staff.filter(is_active=True).count()
    return [Chair(salon=salon, column_id=number, name=unnamed(number)) for number in range(1, max(staff, 1) + 1)]


def name_of(salon_id: int, column_id: int) -> str:
    """What a salon calls one of its columns."""
    named = Chair.objects.filter(salon_id=salon_id, column_id=column_id).values_list("name", flat=True).first()
    return named or unnamed(column_id)


def unnamed(column_id: int) -> str:
    """A column that has no name of its own."""
    return f"Chair {column_id}"
