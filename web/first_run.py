"""What a new salon still has to do before its first text goes out."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext

from appointment.models import Appointment
from customer.models import Customer
from salon.models import Salon
from schedule.models import Chair, Service, WorkingHours
from sms.models import Message


@dataclass(frozen=True)
class Step:
    title: str
    hint: str
    url: str
    is_done: bool
    is_for_owners: bool = False


def steps_of(salon: Salon) -> list[Step]:
    """Every step, done or not; none once a text has gone out."""
    if Message.objects.filter(salon_id=salon.pk, sent_at__isnull=False).exists():
        return []
    settings = reverse("web:settings", args=[salon.pk])
    return [
        Step(
            gettext("Name your chairs"),
            gettext("Each is a column of the day. Until then there is one for each person."),
            f"{settings}#chairs",
            Chair.objects.filter(salon=salon).exists(),
            is_for_owners=True,
        ),
        Step(
            gettext("List what you offer"),
            gettext("Services give a visit its length and price."),
            f"{settings}#services",
            Service.objects.filter(salon=salon).exists(),
            is_for_owners=True,
        ),
        Step(
            gettext("Say when people work"),
            gettext("The day is shaded outside of these hours. You can book without."),
            f"{settings}#hours",
            WorkingHours.objects.filter(salon=salon).exists(),
            is_for_owners=True,
        ),
        Step(
            gettext("Add your first customer"),
            gettext("A name and a mobile number are enough."),
            reverse("web:new_person", args=[salon.pk]),
            Customer.objects.filter(salons=salon).exists(),
        ),
        Step(
            gettext("Make your first booking"),
            gettext("Click an empty time below. You see the texts before anything is saved."),
            reverse("web:book", args=[salon.pk]),
            Appointment.objects.filter(salon=salon).exists(),
        ),
        Step(
            gettext("Watch the first text go out"),
            gettext("It is on its way a second after you book. Open the visit to see it."),
            reverse("web:texts", args=[salon.pk]),
            False,
        ),
    ]
