from typing import Any

from django.core.exceptions import ValidationError
from localflavor.gb.forms import GBPostcodeField
from rest_framework import serializers

from address.models import Address


class AddressSerializer(serializers.ModelSerializer[Any]):
    id = serializers.IntegerField(required=False, help_text="Keeps that address of the salon, changed.")

    class Meta:
        model = Address
        fields = ["id", "street", "city", "postal_code", "country"]
        extra_kwargs = {"country": {"min_length": 2}}

    def validate_country(self, country: str) -> str:
        if not (country.isascii() and country.isalpha()):
            raise serializers.ValidationError("Give the two letters of ISO 3166-1, such as GB.", code="invalid_country")
        return country.upper()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """A British postcode is checked and put into its usual form; other countries' codes are taken as given."""
        if attrs.get("country", "GB") == "GB":
            try:
                attrs["postal_code"] = GBPostcodeField().clean(attrs["postal_code"])
            except ValidationError as error:
                raise serializers.ValidationError({"postal_code": error.messages}, code="invalid_postcode") from error
        return attrs
