"""Visits that recur by a rule."""

from __future__ import annotations

from datetime import time
from typing import Any

from rest_framework import serializers

from appointment import availability
from appointment.models import Appointment, Series
from appointment.serializers import AppointmentSerializer, CancelSerializer, not_too_many
from appointment.time_serializers import OccurrenceSerializer, OnTheClockField
from booking_api.fields import StrictFieldsMixin, VisiblePrimaryKeyField
from schedule import recurrence
from schedule.models import Service
from user.models import ExtendedUser


class PlannedSeriesSerializer(AppointmentSerializer):
    """The fields of a booking, with the time of the first visit, and the rule by which it recurs."""

    rule = serializers.CharField(
        max_length=recurrence.LONGEST_RULE,
        help_text="RFC 5545: FREQ of DAILY, WEEKLY, MONTHLY or YEARLY, with COUNT or UNTIL; at most 104 visits, and "
        "none more than two years ahead. It runs on the salon's clock.",
    )

    class Meta(AppointmentSerializer.Meta):
        fields = [
            "salon",
            "user",
            "customer",
            "appointment_time",
            "end_time",
            "comment",
            "column_id",
            "services",
            "slot",
            "allow_overlap",
            "allow_outside_hours",
            "rule",
        ]


class NewSeriesSerializer(PlannedSeriesSerializer):
    skip_clashes = serializers.BooleanField(
        default=False,
        help_text="Make the visits that can be, and leave out the others. Else it is all of them or none.",
    )

    class Meta(PlannedSeriesSerializer.Meta):
        fields = [*PlannedSeriesSerializer.Meta.fields, "skip_clashes"]


class FromVisitMixin(StrictFieldsMixin, serializers.Serializer[Any]):
    """``from`` names the visit from which on something holds: that one and those after it."""

    def get_fields(self) -> dict[str, Any]:
        from_visit = VisiblePrimaryKeyField(
            required=False,
            allow_null=True,
            queryset=Appointment.objects.all(),
            help_text="A visit of the series: it, and those after it. None: all that are still ahead.",
        )
        return {"from": from_visit, **super().get_fields()}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs["from_visit"] = attrs.pop("from", None)
        return attrs


class CancelSeriesSerializer(FromVisitMixin, CancelSerializer):
    """What to cancel, and why."""


class ChangeSeriesSerializer(FromVisitMixin):
    """What is given is changed, of every visit concerned that is still ahead."""

    time_of_day = serializers.TimeField(required=False, help_text="The new one, on the salon's clock.")
    shift_days = serializers.IntegerField(
        required=False, min_value=-6, max_value=6, help_text="To another day: so many days later, or earlier."
    )
    user = VisiblePrimaryKeyField(required=False, queryset=ExtendedUser.objects.filter(is_active=True))
    column_id = serializers.IntegerField(required=False, min_value=1, max_value=availability.LARGEST_COLUMN)
    services = VisiblePrimaryKeyField(many=True, required=False, queryset=Service.objects.all())
    comment = serializers.CharField(required=False, allow_blank=True, max_length=2000)
    include_changed_alone = serializers.BooleanField(
        default=False,
        help_text="Change also those that were moved, or given to another person or chair, by themselves.",
    )

    def validate_services(self, services: list[Service]) -> list[Service]:
        return not_too_many(services)

    def validate_time_of_day(self, time_of_day: time) -> time:
        return time_of_day.replace(microsecond=0, tzinfo=None)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs.keys() - {"from", "include_changed_alone"}:
            raise serializers.ValidationError("Give what to change, such as time_of_day.", code="nothing_to_change")
        return super().validate(attrs)


class SeriesSerializer(serializers.ModelSerializer[Series]):
    """A series as it was made, and how many of its visits are still ahead."""

    starts_at = OnTheClockField(help_text="The first visit by the rule, on the salon's clock.")
    visits_ahead = serializers.IntegerField(read_only=True)

    class Meta:
        model = Series
        fields = ["id", "salon", "customer", "rule", "starts_at", "visits_ahead", "created_by", "created"]
        read_only_fields = fields


class SeriesWithVisitsSerializer(SeriesSerializer):
    """With every visit, also those that are over or cancelled, by their place."""

    visits = AppointmentSerializer(many=True, read_only=True)

    class Meta(SeriesSerializer.Meta):
        fields = [*SeriesSerializer.Meta.fields, "visits"]
        read_only_fields = fields


class MadeSeriesSerializer(SeriesWithVisitsSerializer):
    left_out = OccurrenceSerializer(many=True, read_only=True, help_text="What could not be booked (`skip_clashes`).")

    class Meta(SeriesWithVisitsSerializer.Meta):
        fields = [*SeriesWithVisitsSerializer.Meta.fields, "left_out"]
        read_only_fields = fields


class ChangedSeriesSerializer(SeriesWithVisitsSerializer):
    changed = serializers.ListField(child=serializers.IntegerField(), read_only=True, help_text="Keys of visits.")
    left_alone = serializers.ListField(
        child=serializers.IntegerField(),
        read_only=True,
        help_text="Those still ahead that stay as the staff had changed them by themselves.",
    )

    class Meta(SeriesWithVisitsSerializer.Meta):
        fields = [*SeriesWithVisitsSerializer.Meta.fields, "changed", "left_alone"]
        read_only_fields = fields
