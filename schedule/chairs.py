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
    return [Chair(salon=salon, column_id=number, name=f"Chair {number}") for number in range(1, max(staff, 1) + 1)]
