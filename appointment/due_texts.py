"""When a planned text is due: whether its visit is still what it was planned for, and what it says.

The ``deliver_…`` functions are called by the actors (`appointment.tasks`), and call `sms.delivery`, which asks here for
the words of each text that it has claimed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from django.db.models import CharField
from django.db.models.functions import Cast
from phonenumber_field.phonenumber import to_python

from appointment import models, texts
from appointment.planning import CANCELLED, DELETED, MOVED, NOT_OFFERED, OVER
from customer.phone_numbers import usable_number
from sms import delivery, ledger
from sms.delivery import Text, Withdrawn
from sms.models import Message

Kind, MessageStatus = Message.Kind, Message.Status

HERE = "the customer is there"
NO_USABLE_NUMBER = "the customer has no usable phone number"


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
    return message.to if booking.number == message.to else usable_number(to_python(booking.number))


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
