"""What a booking owes its customer, and when: decided here and nowhere else.

`plan_texts` is called by `Appointment.save()` within its transaction and writes rows of the ledger (`sms.ledger`);
the ``deliver_…`` functions are called by the actors when such a row is due and look at the booking once more.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog
from django.db import IntegrityError, transaction
from django.db.models import CharField, F, Q
from django.db.models.functions import Cast
from phonenumber_field.phonenumber import to_python

from appointment import models, occupancy, rules, texts
from booking_api.broker import nudge
from customer.models import Customer
from salon.models import Salon
from schedule.models import Service
from schedule.timing import Timed, busy_minutes_of, duration_of
from sms import delivery, dispatch, ledger, opt_outs
from sms.clock import StatementTimestamp, database_now
from sms.delivery import Text, Withdrawn
from sms.models import Message
from sms.segments import count_segments

log = structlog.get_logger(__name__)

Kind, MessageStatus = Message.Kind, Message.Status

MOVED = "the visit was moved"
CANCELLED = "the visit was cancelled"
DELETED = "the booking was deleted"
OTHER_CUSTOMER = "the visit was given to another customer"
OVER = "the visit is over"
HERE = "the customer is there"
REPLACED = "planned anew"
NOT_OFFERED = "the time is not offered any more"
NO_USABLE_NUMBER = "the customer has no usable phone number"

_KEPT_OF_A_SERVICE = (
    "duration_minutes",
    "buffer_before_minutes",
    "buffer_after_minutes",
    "gap_after_minutes",
    "gap_minutes",
    "price",
    "currency",
)

E164 = re.compile(r"\+[1-9]\d{6,14}")


# --- What staff do ------------------------------------------------------------------------------------


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


# --- Planning: inside the transaction that changes the booking ------------------------------------------


def stored(booking: models.Appointment) -> models.Appointment | None:
    """The booking as the database has it."""
    return models.Appointment.objects.filter(pk=booking.pk).first() if booking.pk else None


def lock(booking: models.Appointment) -> models.Appointment | None:
    """The booking as the database has it, locked until the transaction ends; None for a new one."""
    return models.Appointment.objects.select_for_update().filter(pk=booking.pk).first() if booking.pk else None


def as_saved(booking: models.Appointment, *, is_partly_saved: bool) -> tuple[models.Appointment, datetime]:
    """A booking just saved as it stands in its row, and the moment at PostgreSQL.

    The object itself, where the row cannot say otherwise: all of it was saved, and no value was for PostgreSQL to tell.
    """
    columns = booking._meta.concrete_fields
    values = {column: booking.__dict__.get(column.attname) for column in columns}
    if is_partly_saved or any(hasattr(value, "resolve_expression") for value in values.values()):
        return reread(booking)
    for column, value in values.items():  # it may have been given texts
        setattr(booking, column.attname, column.get_prep_value(value))
    return booking, database_now()


def plan_texts(
    booking: models.Appointment,
    current: models.Appointment,
    before: models.Appointment | None,
    now: datetime,
    *,
    confirm: bool = True,
) -> None:
    """Plan what a save calls for.

    Args:
      booking: just saved; its ``task_id`` and ``texts_planned_for`` are brought up to date.
      current, now: as `as_saved` answers.
      before: the row as it was, None for a new booking.
      confirm: whether a new booking gets a confirmation.
    """
    if before is not None and before.status == models.Appointment.Status.OFFERED != current.status:
        ledger.withdraw(current.pk, Q(kind=Kind.OFFER), MessageStatus.CANCELLED, NOT_OFFERED)
    if current.status in models.UNDER_WAY:
        return
    if current.status != models.Appointment.Status.BOOKED:
        _close(current, before, now)
    elif before is None:
        _open(current, now, _locked_minutes(current), confirm=confirm)
    elif before.customer_id != current.customer_id and before.texts_planned_for:
        minutes = _locked_minutes(current)
        _withdraw_all(current, MessageStatus.SUPERSEDED, OTHER_CUSTOMER)
        _tell_cancelled(before, before.texts_planned_for, now)
        _open(current, now, minutes)
    elif current.texts_planned_for != current.appointment_time or before.salon_id != current.salon_id:
        minutes = _locked_minutes(current)
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
        now = database_now()
        for booking in unplanned:
            _plan_unplanned_or_log(booking, now)
    if unplanned:
        log.info("planned_what_was_unplanned", bookings=len(unplanned))
    return len(unplanned)


def _plan_unplanned_or_log(booking: models.Appointment, now: datetime) -> None:
    """One booking that cannot be planned must not keep the others from it."""
    try:
        with transaction.atomic():
            _occupy_unplanned(booking)
            _note_for_calendars(booking, now)
            _plan_unplanned(booking, now)
    except Exception:
        log.exception("booking_cannot_be_planned", booking_id=booking.pk)


def _plan_unplanned(booking: models.Appointment, now: datetime) -> None:
    if booking.status != models.Appointment.Status.BOOKED:
        _close(booking, booking, now)
        return
    is_new = booking.texts_planned_for is None
    minutes = _locked_minutes(booking)
    _withdraw_all(booking, MessageStatus.SUPERSEDED, MOVED)
    _open(booking, now, minutes, confirm=not is_new)


def _note_for_calendars(booking: models.Appointment, now: datetime) -> None:
    """A booking moved or cancelled past the hooks has changed for calendars too."""
    if booking.texts_planned_for is not None:
        sequence = F("calendar_sequence") + 1
        models.Appointment.objects.filter(pk=booking.pk).update(calendar_sequence=sequence, modified=now)


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
        minutes = _locked_minutes(current)
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


def _locked_minutes(booking: models.Appointment) -> int:
    """How long before the visit the salon reminds, locked against a change until both have committed.

    To be called before any text is touched: whoever changes the minutes locks the salon's row first and its texts
    after it, so that the other order here would be a deadlock.
    """
    return hold_minutes(booking.salon_id)


def hold_minutes(salon_id: int) -> int:
    """The same of a salon; for whoever changes several bookings, before the first of them."""
    (salon,) = Salon.objects.raw("SELECT * FROM salon_salon WHERE id = %s FOR SHARE", [salon_id])
    minutes: int = salon.reminder_time_minutes
    return minutes


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


def _close(booking: models.Appointment, before: models.Appointment | None, now: datetime) -> None:
    """A visit that is cancelled or over owes nothing more, but the word that it is cancelled."""
    if booking.texts_planned_for is None:
        return
    is_cancelled = booking.status == models.Appointment.Status.CANCELLED
    _withdraw_all(booking, MessageStatus.CANCELLED, CANCELLED if is_cancelled else OVER)
    if is_cancelled:
        known = before or booking
        _tell_cancelled(known, booking.texts_planned_for, now)
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
        phone_number=usable_number(booking.customer),
        starts_at=starts_at or booking.appointment_time,
    )


def usable_number(customer: Customer) -> str:
    """The customer's number in E.164; empty where an import left something else."""
    return _if_usable(str(customer.phone_number))


def _if_usable(number: str) -> str:
    return number if E164.fullmatch(number) else ""


def _nudge_after_commit(kind: Message.Kind, booking_id: int) -> None:
    transaction.on_commit(partial(nudge, dispatch.actor_for(kind), booking_id))


# --- Delivery: when a planned text is due -------------------------------------------------------------


def deliver_confirmation(booking_id: int) -> None:
    delivery.deliver(booking_id, Kind.CONFIRMATION, compose_confirmations)


def deliver_reminder(booking_id: int) -> None:
    delivery.deliver(booking_id, Kind.REMINDER, compose_reminders)


def deliver_cancellation(booking_id: int) -> None:
    delivery.deliver(booking_id, Kind.CANCELLATION, compose_cancellations)


def deliver_offer(booking_id: int) -> None:
    delivery.deliver(booking_id, Kind.OFFER, compose_offers)


def preview(message: Message, booking: models.Appointment) -> str:
    """What a waiting text would say if it went out now."""
    if message.kind in ledger.WORDED_WHEN_PLANNED:
        return message.body
    render = texts.confirmation if message.kind == Kind.CONFIRMATION else texts.reminder
    return render(booking)


# --- Before anything is done: what it would send --------------------------------------------------------


@dataclass(frozen=True)
class Foreseen:
    """A text that an act would plan: when it would go out and what it would say, or why it would not be sent."""

    message: Message
    body: str
    segments: int
    is_opted_out: bool

    @property
    def is_sent(self) -> bool:
        return self.message.status == MessageStatus.PENDING and not self.is_opted_out


def foresee(act: Callable[[], models.Appointment], booking_id: int | None = None) -> list[Foreseen]:
    """The texts that an act of the staff would plan. It is done, looked at and undone, so no rule is told twice.

    Args:
      act: books, changes or cancels one booking.
      booking_id: of the booking, where it is there already.

    Raises: what the act raises.
    """
    with transaction.atomic():
        before = list(Message.objects.filter(booking_id=booking_id).values_list("pk", flat=True)) if booking_id else []
        booking, _ = reread(act())
        planned = list(Message.objects.filter(booking_id=booking.pk).exclude(pk__in=before).order_by("due_at", "id"))
        opted_out = opt_outs.among({message.to for message in planned})
        bodies = [preview(message, booking) for message in planned]
        transaction.set_rollback(True)
    return [
        Foreseen(message, body, count_segments(body).segments, message.to in opted_out)
        for message, body in zip(planned, bodies, strict=True)
    ]


def _compose(render: Callable[[models.Appointment], str], messages: Sequence[Message]) -> list[Text | Withdrawn]:
    """The texts about visits that are to take place, where they still are what the rows were planned for."""
    bookings = _with_names(messages)
    return [_about_visit(render, message, bookings.get(message.booking_id)) for message in messages]


compose_confirmations = partial(_compose, texts.confirmation)
compose_reminders = partial(_compose, texts.reminder)


# The rest of three wide rows would be most of what a text costs.
_WHAT_TEXTS_NEED = [
    "appointment_time",
    "status",
    "customer__full_name",
    "salon__name",
    "salon__timezone",
]


def _with_names(messages: Sequence[Message]) -> dict[int, Any]:
    """The bookings, each with its customer's ``number`` as it is stored."""
    bookings = models.Appointment.objects.select_related("salon", "customer").only(*_WHAT_TEXTS_NEED)
    with_numbers = bookings.annotate(number=Cast("customer__phone_number", CharField()))
    return with_numbers.in_bulk({message.booking_id for message in messages})


def _about_visit(render: Callable[[models.Appointment], str], message: Message, booking: Any) -> Text | Withdrawn:
    if booking is None:
        return Withdrawn(MessageStatus.CANCELLED, DELETED)
    if booking.status == models.Appointment.Status.CANCELLED:
        return Withdrawn(MessageStatus.CANCELLED, CANCELLED)
    if booking.status in models.UNDER_WAY:
        return Withdrawn(MessageStatus.CANCELLED, HERE)
    if booking.status != models.Appointment.Status.BOOKED:
        return Withdrawn(MessageStatus.CANCELLED, OVER)
    if booking.appointment_time != message.visit_at:
        return Withdrawn(MessageStatus.SUPERSEDED, MOVED)
    number = _number_for(message, booking)
    return Text(number, render(booking)) if number else Withdrawn(MessageStatus.FAILED, NO_USABLE_NUMBER)


def _number_for(message: Message, booking: Any) -> str:
    """The customer's number in E.164, or empty. To read one costs more than the rest of a text; few have changed."""
    return message.to if booking.number == message.to else _if_usable(str(to_python(booking.number)))


def compose_cancellations(messages: Sequence[Message]) -> list[Text | Withdrawn]:
    """The words fixed when the visits were cancelled, unless they have been booked again."""
    booked = models.Appointment.objects.filter(status=models.Appointment.Status.BOOKED)
    bookings = booked.in_bulk({message.booking_id for message in messages})
    return [_of_cancellation(message, bookings.get(message.booking_id)) for message in messages]


def _of_cancellation(message: Message, booked: models.Appointment | None) -> Text | Withdrawn:
    again = (message.customer_id, message.visit_at)
    if booked is not None and (booked.customer_id, booked.appointment_time) == again:
        return Withdrawn(MessageStatus.SUPERSEDED, "the visit was booked again")
    return Text(message.to, message.body) if message.to else Withdrawn(MessageStatus.FAILED, NO_USABLE_NUMBER)


def compose_offers(messages: Sequence[Message]) -> list[Text | Withdrawn]:
    """The words fixed when the times were offered, while they still are; `sms.delivery` sees to the end of the hold."""
    bookings = _with_names(messages)
    return [_of_offer(message, bookings.get(message.booking_id)) for message in messages]


def _of_offer(message: Message, booking: Any) -> Text | Withdrawn:
    if booking is None:
        return Withdrawn(MessageStatus.CANCELLED, DELETED)
    if booking.status != models.Appointment.Status.OFFERED or booking.customer_id != message.customer_id:
        return Withdrawn(MessageStatus.CANCELLED, NOT_OFFERED)
    if booking.appointment_time != message.visit_at:
        return Withdrawn(MessageStatus.SUPERSEDED, MOVED)
    number = _number_for(message, booking)
    return Text(number, message.body) if number else Withdrawn(MessageStatus.FAILED, NO_USABLE_NUMBER)
