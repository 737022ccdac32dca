from __future__ import annotations

from typing import Any

from django.utils.functional import cached_property
from rest_framework import serializers

from booking_api.fields import KnownFieldsMixin, VisiblePrimaryKeyField
from booking_api.permissions import caller
from customer.models import Customer
from salon.models import Salon


class CustomerSerializer(KnownFieldsMixin, serializers.ModelSerializer[Customer]):
    salon_ids = VisiblePrimaryKeyField(source="salons", many=True, allow_empty=False, queryset=Salon.objects.all())

    class Meta:
        model = Customer
        fields = ["id", "full_name", "phone_number", "salon_ids", "created", "modified"]
        read_only_fields = ["created", "modified"]

    def update(self, instance: Customer, validated_data: dict[str, Any]) -> Customer:
        """Salons that the caller cannot see stay as they are."""
        salons = validated_data.pop("salons", None)
        customer = super().update(instance, validated_data)
        if salons is not None:
            visible = Salon.objects.visible_to(caller(self.context["request"]))
            customer.salons.remove(*customer.salons.filter(pk__in=visible).exclude(pk__in=[s.pk for s in salons]))
            customer.salons.add(*salons)
        return customer

    def to_representation(self, instance: Customer) -> dict[str, Any]:
        data = super().to_representation(instance)
        user = caller(self.context["request"])
        if not user.is_superuser:
            data["salon_ids"] = [pk for pk in data["salon_ids"] if pk in self._own_salon_ids]
        return data

    @cached_property
    def _own_salon_ids(self) -> set[int]:
        return set(caller(self.context["request"]).salons.values_list("pk", flat=True))
