from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rest_framework import serializers

from appointment.filters import check_days
from appointment.refusals import obeying_rules
from appointment.serializers import MOST_SERVICES
from booking_api.errors import Conflict
from booking_api.fields import VisiblePrimaryKeyField
from customer.models import Customer
from salon.models import Salon
from schedule.models import Service
from schedule.serializers import OfSalonSerializer
from user.models import ExtendedUser
from waitlist import services
from waitlist.errors import WaitlistError
from waitlist.models import Entry, Offer


class OfferSerializer(serializers.ModelSerializer[Offer]):
    """A time kept for the customer until it expires, as an appointment in status offered."""

    class Meta:
        model = Offer
        fields = ["id", "appointment", "starts_at", "ends_at", "expires_at", "outcome"]
        read_only_fields = fields


class EntrySerializer(OfSalonSerializer):
    """A customer who waits; days and times of day are on the salon's clock."""

    customer = VisiblePrimaryKeyField(queryset=Customer.objects.all())
    user = VisiblePrimaryKeyField(
        required=False,
        allow_null=True,
        queryset=ExtendedUser.objects.filter(is_active=True),
        help_text="Who is to serve the customer. Null: anybody who does the services.",
    )
    services = VisiblePrimaryKeyField(
        many=True, allow_empty=False, queryset=Service.objects.filter(is_active=True), help_text="In their order."
    )
    offer = OfferSerializer(
        source="shown_offer", read_only=True, allow_null=True, help_text="The time kept for the customer, or taken."
    )

    class Meta:
        model = Entry
        fields = [
            "id",
            "salon",
            "customer",
            "services",
            "user",
            "first_day",
            "last_day",
            "not_before",
            "not_after",
            "state",
            "offer",
            "created",
            "modified",
        ]
        read_only_fields = ["state", "created", "modified"]

    def validate_services(self, wanted: list[Service]) -> list[Service]:
        if len(wanted) > MOST_SERVICES:
            raise serializers.ValidationError(f"Ask for at most {MOST_SERVICES} services at a time.", code="too_many")
        return wanted

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        check_days(**{name: attrs[name] for name in ("first_day", "last_day") if name in attrs})
        wanted = {"services": attrs.pop("services")} if "services" in attrs else {}
        attrs = super().validate(attrs)
        salon: Salon = attrs.get("salon") or self.instance.salon  # type: ignore[union-attr]
        self._check_belonging(salon, wanted)
        return {**attrs, **wanted}

    def create(self, validated_data: dict[str, Any]) -> Entry:
        return obeying(services.add, **validated_data)

    def update(self, instance: Entry, validated_data: dict[str, Any]) -> Entry:
        return obeying(services.change, instance.pk, **validated_data)


def obeying(act: Callable[..., Entry], *args: Any, **fields: Any) -> Entry:
    """Do something to an entry; what is against it becomes the API's error.

    Raises:
      Conflict: its state is against it.
      serializers.ValidationError: a rule of bookings is.
      NotFound: it has been deleted meanwhile.
    """
    try:
        return obeying_rules(act, *args, **fields)
    except WaitlistError as error:
        raise Conflict(error.message, code=error.code) from error
