"""What a salon's books hold of a customer, for `customer.merging`: visits, series, their history and their texts."""

from __future__ import annotations

from typing import Any

from django.db.models import F
from django.db.models.functions import Now

from appointment import planning
from appointment.models import Appointment, Series
from customer.merging import Belongings
from customer.models import Customer
from customer.phone_numbers import usable_number
from salon.models import Salon
from sms import ledger
from sms.models import Message


def _as_calendars_see_it() -> dict[str, Any]:
    """Whose visit it is has changed, for calendars and for pages that are open."""
    return {"calendar_sequence": F("calendar_sequence") + 1, "modified": Now()}


def _move_texts(dropped_id: int, kept: Customer) -> None:
    """Salons before texts, as everybody who touches both (`planning.hold_minutes`)."""
    concerned = Message.objects.filter(customer_id__in=(dropped_id, kept.pk), status=Message.Status.PENDING)
    salons = Salon.objects.filter(pk__in=concerned.values("salon_id"))  # one may be gone, and its last word waits
    for salon_id in salons.order_by("pk").values_list("pk", flat=True):
        planning.hold_minutes(salon_id)
    ledger.give(dropped_id, kept.pk, usable_number(kept.phone_number))


class _Texts(Belongings):
    def lock(self, customer_ids: Any) -> None:
        """Not before the visits: see `_move_texts`."""


BELONGINGS = (
    Belongings(Series, rank=20),
    Belongings(Appointment, rank=30, changes=_as_calendars_see_it),
    Belongings(Appointment.history.model, rank=31),
    _Texts(Message, rank=40, move=_move_texts),
)
