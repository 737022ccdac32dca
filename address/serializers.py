from typing import Any

from rest_framework import serializers

from address.models import Address
from booking_api.fields import StrictFieldsMixin


class AddressSerializer(StrictFieldsMixin, serializers.ModelSerializer[Any]):
    id = serializers.IntegerField(required=False, help_text="Keeps that address of the salon, changed.")

    class Meta:
        model = Address
        fields = ["id", "street", "city", "postal_code", "country"]
        extra_kwargs = {
            "country": {"min_length": 2, "help_text": "ISO 3166-1 alpha-2; left out, that of the salon's phone number."}
        }

    def validate_country(self, country: str) -> str:
        if not (country.isascii() and country.isalpha()):
            raise serializers.ValidationError("Give the two letters of ISO 3166-1, such as GB.", code="invalid_country")
        return country.upper()
