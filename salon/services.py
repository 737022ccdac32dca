"""Creating and changing salons."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from address.models import Address
from salon.models import Salon
from sms import ledger


@transaction.atomic
def create_salon(*, addresses: list[dict[str, Any]], **fields: Any) -> Salon:
    salon = Salon.objects.create(**fields)
    for fields_of_address in addresses:
        fields_of_address.pop("id", None)  # names an address of a salon that is there already
        salon.addresses.create(**fields_of_address)
    return salon


@transaction.atomic
def change_salon(salon: Salon, *, addresses: list[dict[str, Any]] | None = None, **fields: Any) -> Salon:
    """Change the given fields and no others; new reminder minutes move every pending reminder.

    Args:
      addresses: replaces the salon's addresses; one with the ``id`` of an address of the salon keeps that one.
    """
    current = Salon.objects.select_for_update().get(pk=salon.pk)
    for name, value in fields.items():
        setattr(current, name, value)
    current.save()
    if addresses is not None:
        _replace_addresses(current, addresses)
    return current


def foresee_reminders(salon: Salon, minutes: int) -> tuple[int, datetime | None]:
    """How many reminders other minutes would move, and when the next would then go out. Nothing is changed."""
    with transaction.atomic():
        moved = change_salon(salon, reminder_time_minutes=minutes).reminders_moved
        following = ledger.next_reminder_at(salon.pk)
        transaction.set_rollback(True)
    return moved, following


def _replace_addresses(salon: Salon, addresses: list[dict[str, Any]]) -> None:
    existing = {address.pk: address for address in salon.addresses.all()}
    kept = []
    for fields in addresses:
        address = existing.pop(fields.pop("id", None), None) or Address()
        for name, value in fields.items():
            setattr(address, name, value)
        address.save()
        kept.append(address)
    salon.addresses.set(kept)
    Address.objects.filter(pk__in=existing, salons=None).delete()
