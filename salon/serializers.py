from __future__ import annotations

from typing import Any

from rest_framework import serializers

from address.serializers import AddressSerializer
from booking_api.fields import KnownFieldsMixin
from salon import services
from salon.models import Salon


class SalonSerializer(KnownFieldsMixin, serializers.ModelSerializer[Salon]):
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
            "reminders_moved",
            "created",
            "modified",
        ]
        read_only_fields = ["created", "modified"]

    def create(self, validated_data: dict[str, Any]) -> Salon:
        return services.create_salon(**{"addresses": [], **validated_data})

    def update(self, instance: Salon, validated_data: dict[str, Any]) -> Salon:
        return services.change_salon(instance, **validated_data)
