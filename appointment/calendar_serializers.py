"""Calendar feeds: who made which, and the secret address, once."""

from __future__ import annotations

from rest_framework import serializers

from appointment.models import CalendarFeed
from booking_api.fields import StrictFieldsMixin, VisiblePrimaryKeyField
from booking_api.permissions import caller
from salon.models import Salon


class CalendarFeedSerializer(StrictFieldsMixin, serializers.ModelSerializer[CalendarFeed]):
    salon = VisiblePrimaryKeyField(
        queryset=Salon.objects.all(),
        required=False,
        allow_null=True,
        help_text="The only salon that it shows. None: every one that the person works for.",
    )

    class Meta:
        model = CalendarFeed
        fields = [
            "id",
            "name",
            "user",
            "salon",
            "shows_customers",
            "prefix",
            "created_at",
            "last_fetched_at",
            "revoked_at",
        ]
        read_only_fields = ["user", "prefix", "created_at", "last_fetched_at", "revoked_at"]

    def validate_salon(self, salon: Salon | None) -> Salon | None:
        """A platform admin sees every salon, and works for few."""
        if salon is not None and not salon.staff.filter(pk=caller(self.context["request"]).pk).exists():
            raise serializers.ValidationError("You do not work there.", code="does_not_work_there")
        return salon


class NewCalendarFeedSerializer(CalendarFeedSerializer):
    """What making a feed answers."""

    url = serializers.URLField(
        read_only=True, help_text="Its secret address, to subscribe to. It is shown here and never again."
    )

    class Meta(CalendarFeedSerializer.Meta):
        fields = [*CalendarFeedSerializer.Meta.fields, "url"]
