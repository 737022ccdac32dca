from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models
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


class Customer(TimeStampedModel):
    full_name = models.CharField(max_length=120, blank=True)
    phone_number = PhoneNumberField(validators=[validate_can_receive_texts])
    salons = models.ManyToManyField(Salon, related_name="customers")

    objects = CustomerQuerySet.as_manager()

    class Meta:
        ordering = ["full_name", "id"]

    def __str__(self) -> str:
        return self.full_name or "Customer"
