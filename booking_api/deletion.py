"""Deleting through the API what bookings still depend on."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from booking_api.errors import Conflict


class RefusesToOrphanBookings:
    """For view sets of salons, users and customers: 409 while bookings ahead refer to the object."""

    def perform_destroy(self, instance: Any) -> None:
        with transaction.atomic():
            # The lock keeps out a booking made meanwhile: its foreign key needs this row.
            type(instance)._default_manager.select_for_update().filter(pk=instance.pk).first()
            refuse_while_ahead(instance.appointments)
            instance.delete()


def refuse_while_ahead(bookings: Any) -> None:
    """Raises:
    Conflict: some of ``bookings`` are still ahead.
    """
    ahead = bookings.ahead().count()
    if ahead:
        still = (
            "is still 1 booking ahead. Cancel or move it"
            if ahead == 1
            else f"are still {ahead} bookings ahead. Cancel or move them"
        )
        raise Conflict(f"There {still} first.", code="bookings_ahead")
