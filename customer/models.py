from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import F, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce, Upper
from django_extensions.db.models import TimeStampedModel
from phonenumber_field.modelfields import PhoneNumberField

from customer.phone_numbers import validate_can_receive_texts
from salon.models import Salon

if TYPE_CHECKING:
    from user.models import ExtendedUser


class CustomerQuerySet(models.QuerySet["Customer"]):
    def visible_to(self, user: ExtendedUser) -> CustomerQuerySet:
        """The customers of the salons a user works for."""
        if user.is_superuser:
            return self
        return self.filter(pk__in=Customer.salons.through.objects.filter(salon__in=user.salon_ids).values("customer"))

    def with_counts(self, user: ExtendedUser) -> CustomerQuerySet:
        """Each with ``no_shows`` and ``late_cancellations``, of the salons that a user works for."""
        hours = F("appointments__salon__late_cancel_hours") * timedelta(hours=1)
        is_late = Q(appointments__cancelled_at__gt=F("appointments__appointment_time") - hours)
        own = Q() if user.is_superuser else Q(appointments__salon__in=user.salon_ids)
        return self.annotate(
            no_shows=_visits(own & Q(appointments__status="no_show")),
            late_cancellations=_visits(own & is_late & Q(appointments__cancelled_by_customer=True)),
        )


def _visits(which: Q) -> Coalesce:
    """How many of a customer's visits; counted for the customers of the page only, not for all that are searched."""
    of_one = Customer.objects.filter(which, pk=OuterRef("pk")).order_by().values("pk")
    return Coalesce(Subquery(of_one.values(number=models.Count("appointments"))), 0)


class Customer(TimeStampedModel):
    full_name = models.CharField(max_length=120, blank=True)
    phone_number = PhoneNumberField(validators=[validate_can_receive_texts])
    salons = models.ManyToManyField(Salon, related_name="customers")

    objects = CustomerQuerySet.as_manager()

    class Meta:
        ordering = ["full_name", "id"]
        indexes = [  # for a search by a part of either, which a list of new rows not sorted in yet would slow down
            GinIndex(
                OpClass(Upper("full_name"), name="gin_trgm_ops"), name="customer_by_part_of_name", fastupdate=False
            ),
            GinIndex(OpClass("phone_number", name="gin_trgm_ops"), name="customer_by_part_of_number", fastupdate=False),
        ]

    def __str__(self) -> str:
        return self.full_name or "Customer"
