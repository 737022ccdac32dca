"""What the pages call kinds of texts and states of visits, in the reader's language; the API knows codes alone."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from appointment.models import Appointment
from sms.models import Message

Words = str | Promise

KINDS: dict[str, Words] = {
    Message.Kind.CONFIRMATION: _("Confirmation"),
    Message.Kind.REMINDER: _("Reminder"),
    Message.Kind.CANCELLATION: _("Cancellation"),
    Message.Kind.OFFER: _("Offer"),
}
STATUSES: dict[str, Words] = {
    Appointment.Status.OFFERED: _("Offered"),
    Appointment.Status.BOOKED: _("Booked"),
    Appointment.Status.ARRIVED: _("Arrived"),
    Appointment.Status.IN_SERVICE: _("Being served"),
    Appointment.Status.COMPLETED: _("Done"),
    Appointment.Status.CANCELLED: _("Cancelled"),
    Appointment.Status.NO_SHOW: _("No-show"),
}


def kind_name(kind: str) -> str:
    return str(KINDS.get(kind, kind))


def status_name(status: str) -> str:
    return str(STATUSES.get(status, status))
