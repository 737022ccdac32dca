from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from address.countries import country_of
from address.postcodes import clean_postcode
from address.serializers import AddressSerializer
from booking_api.fields import StrictFieldsMixin
from salon import services
from salon.models import Salon


class SalonSerializer(StrictFieldsMixin, serializers.ModelSerializer[Salon]):
    addresses = AddressSerializer(many=True, required=False)
    reminders_moved = serializers.IntegerField(
        read_only=True, help_text="How many pending reminders this change moved."
    )

    class Meta:
        model = Salon
        fields = [
            "id",
            "name",
            "phone_number",
            "addresses",
            "reminder_time_minutes",
            "timezone",
            "late_cancel_hours",
            "reminders_moved",
            "created",
            "modified",
        ]
        read_only_fields = ["created", "modified"]

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """An address that names no country lies in that of the salon's phone number."""
        phone_number = attrs.get("phone_number") or self.instance.phone_number  # type: ignore[union-attr]
        country = country_of(phone_number)
        errors: list[dict[str, Any]] = []
        for address in attrs.get("addresses", []):
            address.setdefault("country", country)
            try:
                address["postal_code"] = clean_postcode(address["country"], address["postal_code"])
                errors.append({})
            except ValidationError as error:
                errors.append({"postal_code": [ErrorDetail(str(error.message), code=error.code)]})
        if any(errors):
            raise serializers.ValidationError({"addresses": errors})
        return attrs

    def create(self, validated_data: dict[str, Any]) -> Salon:
        return services.create_salon(**{"addresses": [], **validated_data})

    def update(self, instance: Salon, validated_data: dict[str, Any]) -> Salon:
        return services.change_salon(instance, **validated_data)
