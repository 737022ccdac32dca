"""What staff do to a booking or a block: the doors that the API, the pages and an import come in by.

Each checks the rules, and saves; what the customer is owed for it follows from the save (`appointment.planning`).
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from datetime import timedelta
from typing import Any

from django.db import transaction

from appointment import models, rules
from schedule.models import Service
from schedule.timing import Timed, busy_minutes_of, duration_of

_KEPT_OF_A_SERVICE = (
    "duration_minutes",
    "buffer_before_minutes",
    "buffer_after_minutes",
    "gap_after_minutes",
    "gap_minutes",
    "price",
    "currency",
)


@transaction.atomic
def book(*, services: Sequence[Service] = (), confirm: bool = True, **fields: Any) -> models.Appointment:
    """Make a booking; its confirmation goes out once it has committed.

    Args:
      services: in their order; without ``end_time`` the visit is as long as they take.
      confirm: False for an import: the customer gets the reminder only.

    Raises:
      rules.RuleBroken: the booking is not acceptable; nothing was written.
    """
    booking = models.Appointment(**fields)
    fit(booking, services, ends_as_given=booking.end_time is not None)
    rules.check(booking, None, services)
    booking.save(confirm=confirm)
    _write_down(booking, services)
    return booking


@transaction.atomic
def record(*, services: Sequence[Service] = (), **fields: Any) -> models.Appointment:
    """Write a visit that is over, or cancelled, into the books as it was; nobody is sent anything.

    For an import of what other books hold. The API has no such door: there, what lies in the past is a slip.

    Args: as `book`.

    Raises:
      rules.RuleBroken: it cannot have been so; nothing was written.
    """
    booking = models.Appointment(**fields)
    fit(booking, services, ends_as_given=booking.end_time is not None)
    rules.check_history(booking, services)
    booking.save(confirm=False, is_history=True)
    _write_down(booking, services)
    return booking


@transaction.atomic
def change(booking_id: int, *, services: Sequence[Service] | None = None, **fields: Any) -> models.Appointment:
    """Change the given fields of a booking as it is now, and no others, whoever else is changing it.

    A visit with services that is moved without a new end keeps its length; with other services it gets theirs.

    Raises:
      models.Appointment.DoesNotExist: it has been deleted meanwhile.
      rules.RuleBroken: the change is not acceptable; nothing was written.
    """
    current = models.Appointment.objects.select_for_update().get(pk=booking_id)
    changed = copy(current)
    for name, value in fields.items():
        setattr(changed, name, value)
    if services is not None:
        fit(changed, services, ends_as_given="end_time" in fields)
    elif changed.busy_minutes is not None:
        if "end_time" not in fields and current.end_time is not None:
            changed.end_time = changed.appointment_time + (current.end_time - current.appointment_time)
        fit(changed, changed.booked, ends_as_given=True)
    rules.check(changed, current, services)
    changed.save(before=current)
    if services is not None:
        changed.booked_services.all().delete()
        _write_down(changed, services)
        if changed.series_id is not None:
            changed.changed_alone = True
            models.Appointment.objects.filter(pk=changed.pk).update(changed_alone=True)
    return changed


@transaction.atomic
def block(**fields: Any) -> models.Block:
    """Keep a chair, a person or both free of bookings for a while. Raises: rules.RuleBroken; nothing was written."""
    made = models.Block(**fields)
    rules.check_block(made)
    made.save()
    return made


@transaction.atomic
def change_block(block_id: int, **fields: Any) -> models.Block:
    """Change the given fields of a block as it is now.

    Raises:
      models.Block.DoesNotExist: it has been deleted meanwhile.
      rules.RuleBroken: the change is not acceptable; nothing was written.
    """
    current = models.Block.objects.select_for_update().get(pk=block_id)
    for name, value in fields.items():
        setattr(current, name, value)
    rules.check_block(current)
    current.save()
    return current


def fit(booking: models.Appointment, services: Sequence[Timed], *, ends_as_given: bool) -> None:
    """Give a visit the busy minutes of its services and, unless its end is given, their length."""
    if not services:
        booking.busy_minutes = None
        return
    if not ends_as_given or booking.end_time is None:
        booking.end_time = booking.appointment_time + duration_of(services)
    length = booking.end_time - booking.appointment_time
    booking.busy_minutes = busy_minutes_of(services, length) if length > timedelta() else None


def _write_down(booking: models.Appointment, services: Sequence[Service]) -> None:
    """Keep the services of a visit as they are now, whatever becomes of their prices and minutes."""
    booking.booked = models.BookedService.objects.bulk_create(
        [
            models.BookedService(
                appointment=booking,
                service=service,
                position=position,
                **{name: getattr(service, name) for name in _KEPT_OF_A_SERVICE},
            )
            for position, service in enumerate(services)
        ]
    )


def arrive(booking_id: int) -> models.Appointment:
    """Note that the customer is there; what still waits to be sent is not needed any more. Raises: as `change`."""
    return change(booking_id, status=models.Appointment.Status.ARRIVED)


def start(booking_id: int) -> models.Appointment:
    """Note that the customer is being served. Raises: as `change`."""
    return change(booking_id, status=models.Appointment.Status.IN_SERVICE)


def complete(booking_id: int) -> models.Appointment:
    """Note that the visit took place; nothing more is sent. Raises: as `change`."""
    return change(booking_id, status=models.Appointment.Status.COMPLETED)


def note_no_show(booking_id: int) -> models.Appointment:
    """Note that the customer did not come; nothing more is sent. Raises: as `change`."""
    return change(booking_id, status=models.Appointment.Status.NO_SHOW)


@transaction.atomic
def cancel(booking_id: int, reason: str = "", by_customer: bool = False) -> models.Appointment:
    """Cancel a visit and keep its row; the customer of one still ahead is told. Again, it changes nothing.

    Args:
      by_customer: the customer asked for it; counts as theirs if it was late.

    Raises: as `change`.
    """
    current = models.Appointment.objects.select_for_update().get(pk=booking_id)
    if current.status == models.Appointment.Status.CANCELLED:
        return current
    return change(
        booking_id,
        status=models.Appointment.Status.CANCELLED,
        cancel_reason=reason,
        cancelled_by_customer=by_customer,
    )
