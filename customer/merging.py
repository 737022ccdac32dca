"""Two records of one person become one: what hangs on either hangs on the kept one, and nobody is sent anything.

Apps above say what they keep of a customer (`add_belongings`), as this one knows none of them. Rows are locked in the
order in which all others lock them: what the apps name, by `Belongings.rank`, and the customers themselves after it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

import structlog
from django.db import connection, models, transaction

from customer.models import Customer
from customer.services import check_number_is_free, keep_imports_out
from salon.models import Salon
from sms import opt_outs

log = structlog.get_logger(__name__)

Move = Callable[[int, Customer], None]


@dataclass(frozen=True)
class NotYours(Exception):
    """One of the two belongs to a salon that the caller does not see."""

    customer_id: int


@dataclass(frozen=True)
class Gone(Exception):
    """One of the two is not there any more."""


@dataclass(frozen=True)
class Belongings:
    """A model whose rows are a customer's, by ``customer_id``, and a salon's, by ``salon_id``.

    Attributes:
      rank: the lowest is locked first.
      changes: what is written into every row that goes to the kept customer.
      move: does all of it in another way, given the dropped customer's id and the kept one.
    """

    model: type[models.Model]
    rank: int
    changes: Callable[[], dict[str, Any]] = dict
    move: Move | None = None

    def of(self, customer_ids: Collection[int]) -> models.QuerySet[Any]:
        return self.model._base_manager.filter(customer_id__in=customer_ids)

    def lock(self, customer_ids: Collection[int]) -> None:
        list(self.of(customer_ids).order_by("pk").select_for_update(of=("self",)).values_list("pk", flat=True))

    def give(self, dropped_id: int, kept: Customer) -> None:
        if self.move is not None:
            self.move(dropped_id, kept)
        else:
            self.of([dropped_id]).update(customer_id=kept.pk, **self.changes())


@dataclass
class _Registry:
    belongings: list[Belongings] = field(default_factory=list)


_registry = _Registry()


def add_belongings(*belongings: Belongings) -> None:
    """For an app above; called when the app is ready."""
    _registry.belongings = sorted([*_registry.belongings, *belongings], key=lambda each: each.rank)


def all_belongings() -> list[Belongings]:
    return list(_registry.belongings)


@transaction.atomic
def merge(
    kept_id: int,
    dropped_id: int,
    *,
    visible: Collection[int] | None,
    full_name: str | None = None,
    phone_number: Any = None,
) -> Customer:
    """Give everything of one customer to another, and delete the first.

    Texts still to come go to the kept number, when they would have gone; nothing new is planned. Who has told us STOP
    on either phone is sent nothing.

    Args:
      visible: ids of the salons that the caller works for; None for all.
      full_name, phone_number: which to keep; None for those of the kept customer.

    Raises:
      NotYours, Gone, PhoneNumberTaken: nothing was written.
    """
    pair = (kept_id, dropped_id)
    salon_ids = set(Salon.objects.filter(customers__in=pair).values_list("pk", flat=True))
    _wait_for_other_merges(salon_ids)
    keep_imports_out(salon_ids)
    kept, dropped = _lock(kept_id, dropped_id)
    if visible is not None:
        _check_all_is_visible(pair, visible)
    numbers = {str(kept.phone_number), str(dropped.phone_number)}
    if full_name is not None:
        kept.full_name = full_name
    if phone_number is not None:
        kept.phone_number = phone_number
    kept.created = min(kept.created, dropped.created)
    salons = {*kept.salons.values_list("pk", flat=True), *dropped.salons.values_list("pk", flat=True)}
    check_number_is_free(kept, salons, besides=dropped)
    for belongings in all_belongings():
        belongings.give(dropped.pk, kept)
    kept.salons.set(salons)
    dropped.delete()
    kept.save()
    opt_outs.carry_over(numbers, to=str(kept.phone_number))
    log.info("customers_merged", kept=kept_id, dropped=dropped_id)
    return kept


def _wait_for_other_merges(salon_ids: Collection[int]) -> None:
    """One at a time in a salon: each takes rows over that the next may have begun to lock."""
    with connection.cursor() as cursor:
        for salon_id in sorted(salon_ids):
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"merging in {salon_id}"])


def _lock(kept_id: int, dropped_id: int) -> tuple[Customer, Customer]:
    """Both, and all that is theirs. Whoever books for one of them meanwhile waits, or is waited for."""
    pair = (kept_id, dropped_id)
    for belongings in all_belongings():
        belongings.lock(pair)
    found = {row.pk: row for row in Customer.objects.filter(pk__in=pair).order_by("pk").select_for_update()}
    if len(found) < 2:
        raise Gone
    return found[kept_id], found[dropped_id]


def _check_all_is_visible(pair: tuple[int, int], visible: Collection[int]) -> None:
    """Not the salons alone that have them as customers: what a salon has in its books stays as it knows it."""
    foreign = Salon.objects.exclude(pk__in=visible)
    for customer_id in pair:
        is_elsewhere = foreign.filter(customers=customer_id).exists() or any(
            belongings.of([customer_id]).filter(salon_id__in=foreign.values("pk")).exists()
            for belongings in all_belongings()
        )
        if is_elsewhere:
            raise NotYours(customer_id)
