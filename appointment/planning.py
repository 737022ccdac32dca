"""What a booking owes its customer, and when: decided here and nowhere else.

`plan_texts` is called by `Appointment.save()` within its transaction and writes rows of the ledger (`sms.ledger`).
When such a row is due, `appointment.due_texts` looks at the booking once more.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

import structlog
from django.db import IntegrityError, connection, transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from appointment import models, occupancy, texts
from booking_api.broker import nudge
from customer.phone_numbers import usable_number
from sms import dispatch, ledger
from sms.clock import StatementTimestamp, database_now
from sms.models import Message

log = structlog.get_logger(__name__)

Kind, MessageStatus = Message.Kind, Message.Status

MOVED = "the visit was moved"
CANCELLED = "the visit was cancelled"
DELETED = "the booking was deleted"
OTHER_CUSTOMER = "the visit was given to another customer"
OVER = "the visit is over"
REPLACED = "planned anew"
NOT_OFFERED = "the time is not offered any more"


def stored(booking: models.Appointment) -> models.Appointment | None:
    """The booking as the database has it."""
    return models.Appointment.objects.filter(pk=booking.pk).first() if booking.pk else None


def lock(booking: models.Appointment) -> models.Appointment | None:
    """The booking as the database has it, locked until the transaction ends; None for a new one."""
    return models.Appointment.objects.select_for_update().filter(pk=booking.pk).first() if booking.pk else None


def as_saved(booking: models.Appointment, *, is_partly_saved: bool) -> models.Appointment:
    """A booking just saved as it stands in its row.

    The object itself, where the row cannot say otherwise: all of it was saved, and no value was for PostgreSQL to tell.
    """
    columns = booking._meta.concrete_fields
    values = {column: booking.__dict__.get(column.attname) for column in columns}
    if is_partly_saved or any(hasattr(value, "resolve_expression") for value in values.values()):
        return reread(booking)[0]
    for column, value in values.items():
        setattr(booking, column.attname, _as_read(column.get_prep_value(value)))
    return booking


def _as_read(value: Any) -> Any:
    """A value of a column as PostgreSQL would answer it: `save()` may have been given texts, and times in any zone.

    In a zone whose clocks change, an hour before is not always an hour, and a time may equal no other.
    """
    is_moment = isinstance(value, datetime) and value.tzinfo is not None
    return value.astimezone(UTC) if is_moment else value


def plan_texts(
    booking: models.Appointment,
    current: models.Appointment,
    before: models.Appointment | None,
    *,
    confirm: bool = True,
) -> None:
    """Plan what a save calls for.

    Args:
      booking: just saved; its ``task_id`` and ``texts_planned_for`` are brought up to date.
      current: as `as_saved` answers.
      before: the row as it was, None for a new booking.
      confirm: whether a new booking gets a confirmation.
    """
    if before is not None and before.status == models.Appointment.Status.OFFERED != current.status:
        ledger.withdraw(current.pk, Q(kind=Kind.OFFER), MessageStatus.CANCELLED, NOT_OFFERED)
    if current.status in models.UNDER_WAY:
        return
    if current.status != models.Appointment.Status.BOOKED:
        _close(current, before)
    elif before is None:
        minutes, now = hold_minutes(current.salon_id)
        _open(current, now, minutes, confirm=confirm)
    elif before.customer_id != current.customer_id and before.texts_planned_for:
        minutes, now = hold_minutes(current.salon_id)
        _withdraw_all(current, MessageStatus.SUPERSEDED, OTHER_CUSTOMER)
        _tell_cancelled(before, before.texts_planned_for, now)
        _open(current, now, minutes)
    elif current.texts_planned_for != current.appointment_time or before.salon_id != current.salon_id:
        minutes, now = hold_minutes(current.salon_id)
        _withdraw_all(current, MessageStatus.SUPERSEDED, MOVED)
        _open(current, now, minutes)
    booking.task_id, booking.texts_planned_for = current.task_id, current.texts_planned_for


def plan_texts_of_deleted(booking: models.Appointment) -> None:
    """Withdraw what a booking about to be deleted still owed, and tell the customer of a visit ahead."""
    current = lock(booking)
    if current is None:
        return  # somebody else has just deleted it, and told the customer
    booking.calendar_sequence = current.calendar_sequence  # the history keeps it, for calendars to go on from
    _withdraw_all(current, MessageStatus.CANCELLED, DELETED, besides=[Kind.OFFER])
    if current.status == models.Appointment.Status.BOOKED:
        _tell_cancelled(current, current.appointment_time, database_now())


def plan_unplanned(limit: int = 500) -> int:
    """Plan the texts of bookings that were written past the hooks (`bulk_create`, `update()`, SQL).

    A booking never planned gets its reminder and no confirmation, as an import must not wake the town; one that was
    moved or cancelled that way is told like any other.

    Returns: how many bookings were planned.
    """
    with transaction.atomic():
        unplanned = list(
            models.Appointment.objects.with_unplanned_texts()
            .select_for_update(skip_locked=True, of=("self",))
            .select_related("salon", "customer")
            .order_by("id")[:limit]
        )
        for booking in unplanned:
            _plan_unplanned_or_log(booking)
    if unplanned:
        log.info("planned_what_was_unplanned", bookings=len(unplanned))
    return len(unplanned)


def _plan_unplanned_or_log(booking: models.Appointment) -> None:
    """One booking that cannot be planned must not keep the others from it."""
    try:
        with transaction.atomic():
            _occupy_unplanned(booking)
            _note_for_calendars(booking)
            _plan_unplanned(booking)
    except Exception:
        log.exception("booking_cannot_be_planned", booking_id=booking.pk)


def _plan_unplanned(booking: models.Appointment) -> None:
    if booking.status != models.Appointment.Status.BOOKED:
        _close(booking, booking)
        return
    is_new = booking.texts_planned_for is None
    minutes, now = hold_minutes(booking.salon_id)
    _withdraw_all(booking, MessageStatus.SUPERSEDED, MOVED)
    _open(booking, now, minutes, confirm=not is_new)


def _note_for_calendars(booking: models.Appointment) -> None:
    """A booking moved or cancelled past the hooks has changed for calendars too."""
    if booking.texts_planned_for is not None:
        sequence = F("calendar_sequence") + 1
        models.Appointment.objects.filter(pk=booking.pk).update(calendar_sequence=sequence, modified=Now())


def _occupy_unplanned(booking: models.Appointment) -> None:
    """Take the time of a booking written past the hooks; where it was taken before, the two overlap from now on."""
    try:
        with transaction.atomic():
            occupancy.occupy(booking)
    except IntegrityError:
        log.warning("booking_overlaps", booking_id=booking.pk)
        occupancy.occupy(booking, is_held=False)


def tell_of_offer(booking: models.Appointment, kept_until: datetime, link: str) -> None:
    """Plan the text that offers a visit, status offered, to its customer, in the transaction that made it.

    Args:
      kept_until: it is never sent later.
      link: where the customer takes it or says no.
    """
    body = texts.offer(booking, kept_until, link)
    ledger.plan_now(_visit(booking), Kind.OFFER, database_now(), body=body, expires_at=kept_until)
    _nudge_after_commit(Kind.OFFER, booking.pk)


def send_confirmation_sms(booking: models.Appointment) -> None:
    """See `Appointment.send_confirmation_sms`."""
    with transaction.atomic():
        current, now = reread(booking)
        if not _is_ahead(current, now):
            return
        ledger.withdraw(current.pk, Q(kind=Kind.CONFIRMATION), MessageStatus.SUPERSEDED, REPLACED)
        _confirm(current, now)


def schedule_reminder_sms(booking: models.Appointment) -> None:
    """See `Appointment.schedule_reminder_sms`."""
    with transaction.atomic():
        current, now = reread(booking)
        if not _is_ahead(current, now):
            return
        minutes, _ = hold_minutes(current.salon_id)
        ledger.withdraw(current.pk, Q(kind=Kind.REMINDER), MessageStatus.SUPERSEDED, REPLACED)
        _remind(current, now, minutes)
        booking.task_id, booking.texts_planned_for = current.task_id, current.texts_planned_for


def cancel_task(booking: models.Appointment) -> None:
    """See `Appointment.cancel_task`."""
    with transaction.atomic():
        current, _ = reread(booking)
        ledger.withdraw(current.pk, Q(kind=Kind.REMINDER), MessageStatus.CANCELLED, REPLACED)
        _note_plan(current, "", current.texts_planned_for)
        booking.task_id, booking.texts_planned_for = current.task_id, current.texts_planned_for


def reread(booking: models.Appointment) -> tuple[models.Appointment, datetime]:
    """The row as it is, locked, and the moment at PostgreSQL when it was asked for.

    Without its salon and customer: who waits for a row beside which another customer is put loses it from such a join.

    Raises: models.Appointment.DoesNotExist.
    """
    rows = models.Appointment.objects.select_for_update()
    current: Any = rows.annotate(now=StatementTimestamp()).get(pk=booking.pk)
    return current, current.now


def _is_ahead(booking: models.Appointment, now: datetime) -> bool:
    return booking.status == models.Appointment.Status.BOOKED and booking.appointment_time > now


def hold_minutes(salon_id: int) -> tuple[int, datetime]:
    """How long before a visit a salon reminds, held against a change until both have committed; and the moment there.

    To be called before any text is touched, by whoever changes several bookings before the first of them: whoever
    changes the minutes locks the salon's row first and its texts after it, so that the other order is a deadlock.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT reminder_time_minutes, statement_timestamp() FROM salon_salon WHERE id = %s FOR SHARE", [salon_id]
        )
        ((minutes, now),) = cursor.fetchall()
    return minutes, now


def _open(booking: models.Appointment, now: datetime, minutes: int, *, confirm: bool = True) -> None:
    """Plan the texts of a visit that the customer has not been told of at this time."""
    if booking.appointment_time <= now:
        _note_plan(booking, "", booking.appointment_time)
        return
    if not confirm:
        _remind(booking, now, minutes)
        return
    _note_reminder(booking, ledger.plan_confirmation_and_reminder(_visit(booking), minutes, now))
    _nudge_after_commit(Kind.CONFIRMATION, booking.pk)


def _close(booking: models.Appointment, before: models.Appointment | None) -> None:
    """A visit that is cancelled or over owes nothing more, but the word that it is cancelled."""
    if booking.texts_planned_for is None:
        return
    is_cancelled = booking.status == models.Appointment.Status.CANCELLED
    _withdraw_all(booking, MessageStatus.CANCELLED, CANCELLED if is_cancelled else OVER)
    if is_cancelled:
        _tell_cancelled(before or booking, booking.texts_planned_for, database_now())
    _note_plan(booking, "", None)


def _confirm(booking: models.Appointment, now: datetime) -> None:
    ledger.plan_now(_visit(booking), Kind.CONFIRMATION, now)
    _nudge_after_commit(Kind.CONFIRMATION, booking.pk)


def _remind(booking: models.Appointment, now: datetime, minutes: int) -> None:
    _note_reminder(booking, ledger.plan_reminder(_visit(booking), minutes, now))


def _note_reminder(booking: models.Appointment, reminder: Message) -> None:
    is_scheduled = reminder.status == MessageStatus.PENDING
    _note_plan(booking, str(reminder.pk) if is_scheduled else "", booking.appointment_time)


def _tell_cancelled(booking: models.Appointment, visit_at: datetime, now: datetime) -> None:
    """Tell the customer, where the visit they know of is still ahead. The words are fixed now: the booking may go."""
    if visit_at <= now:
        return
    visit = _visit(booking, visit_at)
    ledger.plan_now(visit, Kind.CANCELLATION, now, body=texts.cancellation(booking, visit_at))
    _nudge_after_commit(Kind.CANCELLATION, booking.pk)


def _withdraw_all(
    booking: models.Appointment, status: Message.Status, reason: str, besides: Sequence[Message.Kind] = ()
) -> None:
    """Close what waits, but for a cancellation that still holds: of an earlier turn, or for an earlier customer."""
    owed = Q(kind__in=[Kind.CONFIRMATION, Kind.REMINDER, *besides])
    if booking.texts_planned_for is not None:
        owed |= Q(kind=Kind.CANCELLATION, customer_id=booking.customer_id)
    ledger.withdraw(booking.pk, owed, status, reason)


def _note_plan(booking: models.Appointment, task_id: str, planned_for: datetime | None) -> None:
    booking.task_id, booking.texts_planned_for = task_id, planned_for
    models.Appointment.objects.filter(pk=booking.pk).update(task_id=task_id, texts_planned_for=planned_for)


def _visit(booking: models.Appointment, starts_at: datetime | None = None) -> ledger.Visit:
    return ledger.Visit(
        booking_id=booking.pk,
        salon_id=booking.salon_id,
        customer_id=booking.customer_id,
        phone_number=usable_number(booking.customer.phone_number),
        starts_at=starts_at or booking.appointment_time,
    )


def _nudge_after_commit(kind: Message.Kind, booking_id: int) -> None:
    transaction.on_commit(partial(nudge, dispatch.actor_for(kind), booking_id))
