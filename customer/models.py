from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import F, Q
from django_extensions.db.models import TimeStampedModel
from phonenumber_field.modelfields import PhoneNumberField

from customer.phone_numbers import validate_can_receive_texts
from salon.models import Salon

if TYPE_CHECKING:
    from user.models import ExtendedUser


class CustomerQuerySet(models.QuerySet["Customer"]):
    def visible_to(self, user: ExtendedUser) -> CustomerQuerySet:
        """The customers of the salons a user works for."""
        return self if user.is_superuser else self.filter(salons__in=user.salons.all()).distinct()

    def with_counts(self, user: ExtendedUser) -> CustomerQuerySet:
        """Each with ``no_shows`` and ``late_cancellations``, of the salons that a user works for."""
        hours = F("appointments__salon__late_cancel_hours") * timedelta(hours=1)
        is_late = Q(appointments__cancelled_at__gt=F("appointments__appointment_time") - hours)
        own = Q() if user.is_superuser else Q(appointments__salon__in=user.salons.all())
        return self.annotate(
            no_shows=_count(own & Q(appointments__status="no_show")),
            late_cancellations=_count(own & is_late & Q(appointments__cancelled_by_customer=True)),
        )


def _count(visits: Q) -> models.Count:
    return models.Count("appointments", filter=visits, distinct=True)


class Customer(TimeStampedModel):
    full_name = models.CharField(max_length=120, blank=True)
    phone_number = PhoneNumberField(validators=[validate_can_receive_texts])
    salons = models.ManyToManyField(Salon, related_name="customers")

    objects = CustomerQuerySet.as_manager()

    class Meta:
        ordering = ["full_name", "id"]

    def __str__(self) -> str:
        return self.full_name or "Customer"
