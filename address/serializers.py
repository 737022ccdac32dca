from typing import Any

from rest_framework import serializers

from address.models import Address


class AddressSerializer(serializers.ModelSerializer[Any]):
    id = serializers.IntegerField(required=False, help_text="Keeps that address of the salon, changed.")

    class Meta:
        model = Address
        fields = ["id", "street", "city", "postal_code", "country"]
