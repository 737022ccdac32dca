from __future__ import annotations

from copy import copy
from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from rest_framework import serializers
from rest_framework.fields import get_error_detail

from booking_api.fields import StrictFieldsMixin, VisiblePrimaryKeyField
from salon.models import Salon
from schedule.models import Chair, Service, SpecialHours, TimeOff, WorkingHours
from user.models import ExtendedUser


class OfSalonSerializer(StrictFieldsMixin, serializers.ModelSerializer[Any]):
    """Something of a salon: it stays there, and refers to nothing of other salons."""

    salon = VisiblePrimaryKeyField(queryset=Salon.objects.all())

    def validate_salon(self, salon: Salon) -> Salon:
        if self.instance is not None and salon != self.instance.salon:
            raise serializers.ValidationError("It belongs to its salon. Make another one there.", code="fixed")
        return salon

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        model: Any = type(self).Meta.model
        changed = model() if self.instance is None else copy(self.instance)
        salon: Salon = attrs.get("salon") or changed.salon
        self._check_belonging(salon, attrs)
        links = {field.name for field in model._meta.many_to_many}
        for name, value in attrs.items():
            if name not in links:
                setattr(changed, name, value)
        try:
            changed.clean()
        except DjangoValidationError as error:
            raise serializers.ValidationError(get_error_detail(error)) from error
        return attrs

    def _check_belonging(self, salon: Salon, attrs: dict[str, Any]) -> None:
        staff = set(salon.staff.values_list("pk", flat=True))
        for field, people in {"user": [attrs.get("user")], "people": attrs.get("people", [])}.items():
            if any(person is not None and person.pk not in staff for person in people):
                message = "Choose somebody who works at this salon."
                raise serializers.ValidationError({field: [message]}, code="not_of_this_salon")
        if any(service.salon_id != salon.pk for service in attrs.get("services", [])):
            message = "Choose services of this salon."
            raise serializers.ValidationError({"services": [message]}, code="not_of_this_salon")


class ServiceSerializer(OfSalonSerializer):
    """``people`` and ``chairs`` that are empty are no limit."""

    people = VisiblePrimaryKeyField(many=True, required=False, queryset=ExtendedUser.objects.all())

    class Meta:
        model = Service
        fields = [
            "id",
            "salon",
            "name",
            "duration_minutes",
            "buffer_before_minutes",
            "buffer_after_minutes",
            "gap_after_minutes",
            "gap_minutes",
            "price",
            "currency",
            "is_active",
            "position",
            "colour",
            "people",
        ]


class ChairSerializer(OfSalonSerializer):
    services = VisiblePrimaryKeyField(many=True, required=False, queryset=Service.objects.all())
    people = VisiblePrimaryKeyField(many=True, required=False, queryset=ExtendedUser.objects.all())

    class Meta:
        model = Chair
        fields = ["id", "salon", "column_id", "name", "position", "services", "people"]


class WorkingHoursSerializer(OfSalonSerializer):
    user = VisiblePrimaryKeyField(queryset=ExtendedUser.objects.all())

    class Meta:
        model = WorkingHours
        fields = ["id", "salon", "user", "weekday", "opens", "closes", "valid_from", "valid_until"]


class SpecialHoursSerializer(OfSalonSerializer):
    user = VisiblePrimaryKeyField(queryset=ExtendedUser.objects.all())

    class Meta:
        model = SpecialHours
        fields = ["id", "salon", "user", "date", "opens", "closes"]


class TimeOffSerializer(OfSalonSerializer):
    user = VisiblePrimaryKeyField(
        required=False, allow_null=True, queryset=ExtendedUser.objects.all(), help_text="Null: the salon is closed."
    )

    class Meta:
        model = TimeOff
        fields = ["id", "salon", "user", "first_day", "last_day", "begins", "ends", "is_yearly", "reason"]


class HolidaySerializer(serializers.Serializer[Any]):
    """A public holiday of the salon's country; ``is_closed`` where the salon's time off covers it."""

    date = serializers.DateField()
    name = serializers.CharField()
    is_closed = serializers.BooleanField()
