from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from rest_framework import serializers

from appointment import rules, services
from appointment.models import Appointment
from booking_api.fields import KnownFieldsMixin, VisiblePrimaryKeyField
from customer.models import Customer
from salon.models import Salon
from user.models import ExtendedUser


class SalonTimeField(serializers.DateTimeField):
    """A moment in ISO 8601; without an offset it stays naive until the salon, and so the zone, is known."""

    def enforce_timezone(self, value: datetime) -> datetime:
        if value.tzinfo is None:
            return value
        try:
            return value.astimezone(UTC)
        except OverflowError:
            self.fail("overflow")


class AppointmentSerializer(KnownFieldsMixin, serializers.ModelSerializer[Appointment]):
    """Times carry a UTC offset; one without is read as the salon's local time. Answers are in UTC."""

    salon = VisiblePrimaryKeyField(queryset=Salon.objects.all())
    user = VisiblePrimaryKeyField(queryset=ExtendedUser.objects.filter(is_active=True))
    customer = VisiblePrimaryKeyField(queryset=Customer.objects.all())
    appointment_time = SalonTimeField()
    end_time = SalonTimeField(required=False, allow_null=True)

    class Meta:
        model = Appointment
        fields = [
            "id",
            "salon",
            "user",
            "customer",
            "appointment_time",
            "end_time",
            "comment",
            "column_id",
            "status",
            "task_id",
            "created",
            "modified",
        ]
        read_only_fields = ["task_id", "created", "modified"]
        extra_kwargs = {"column_id": {"min_value": 1}}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        salon: Salon = attrs.get("salon") or self.instance.salon  # type: ignore[union-attr]
        for name in ("appointment_time", "end_time"):
            moment = attrs.get(name)
            if moment is not None and moment.tzinfo is None:
                attrs[name] = _on_the_salons_clock(moment, salon, name)
        return attrs

    def create(self, validated_data: dict[str, Any]) -> Appointment:
        return _obeying_rules(services.book, **validated_data)

    def update(self, instance: Appointment, validated_data: dict[str, Any]) -> Appointment:
        return _obeying_rules(services.change, instance.pk, **validated_data)


def _on_the_salons_clock(moment: datetime, salon: Salon, field: str) -> datetime:
    """A naive time as the salon's clock shows it.

    Raises:
      serializers.ValidationError: the clock shows it never, or twice, in the night that the clocks change.
    """
    first, second = (moment.replace(tzinfo=salon.zone, fold=fold) for fold in (0, 1))
    if first.utcoffset() != second.utcoffset():
        raise serializers.ValidationError(
            {field: ["The clocks change then; give the time with its UTC offset, such as +01:00."]},
            code="ambiguous_time",
        )
    return first.astimezone(UTC)


def _obeying_rules(act: Callable[..., Appointment], *args: Any, **fields: Any) -> Appointment:
    try:
        return act(*args, **fields)
    except rules.RuleBroken as broken:
        raise serializers.ValidationError({broken.field: [broken.message]}, code=broken.code) from broken
