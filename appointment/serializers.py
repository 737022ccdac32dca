from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import NotFound

from appointment import rules, services
from appointment.models import Appointment
from booking_api.errors import Conflict
from booking_api.fields import StrictFieldsMixin, VisiblePrimaryKeyField
from customer.models import Customer
from salon.models import Salon
from sms.models import InboundMessage, Message
from sms.serializers import MessageSerializer
from user.models import ExtendedUser


class SalonTimeField(serializers.DateTimeField):
    """A moment in ISO 8601; without an offset it stays naive until the salon, and so the zone, is known."""

    default_error_messages = {"date": "Give a time of day as well: midnight would be a guess."}

    def to_internal_value(self, value: Any) -> datetime:
        if isinstance(value, str) and ":" not in value:
            self.fail("date")
        moment: datetime = super().to_internal_value(value)
        return moment

    def enforce_timezone(self, value: datetime) -> datetime:
        if value.tzinfo is None:
            return value
        try:
            return value.astimezone(UTC)
        except OverflowError:
            self.fail("overflow")


class AppointmentSerializer(StrictFieldsMixin, serializers.ModelSerializer[Appointment]):
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
            "cancel_reason",
            "allow_overlap",
            "task_id",
            "created",
            "modified",
        ]
        read_only_fields = ["cancel_reason", "task_id", "created", "modified"]
        extra_kwargs = {"column_id": {"min_value": 1}}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        salon: Salon = attrs.get("salon") or self.instance.salon  # type: ignore[union-attr]
        for name in ("appointment_time", "end_time"):
            moment = attrs.get(name)
            if moment is not None and moment.tzinfo is None:
                attrs[name] = _on_the_salons_clock(moment, salon, name)
        return attrs

    def create(self, validated_data: dict[str, Any]) -> Appointment:
        return obeying_rules(services.book, **validated_data)

    def update(self, instance: Appointment, validated_data: dict[str, Any]) -> Appointment:
        return obeying_rules(services.change, instance.pk, **validated_data)


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
    try:
        return first.astimezone(UTC)
    except OverflowError as overflow:
        raise serializers.ValidationError({field: ["There is no such time."]}, code="overflow") from overflow


class CancelSerializer(StrictFieldsMixin, serializers.Serializer[Any]):
    reason = serializers.CharField(
        required=False,
        allow_blank=True,
        default="",
        max_length=200,
        help_text="For the staff; the customer is not told.",
    )


class NothingSerializer(StrictFieldsMixin, serializers.Serializer[Any]):
    """For an act that asks for nothing: what is sent nevertheless is refused, not ignored."""


class ReplySerializer(serializers.ModelSerializer[InboundMessage]):
    class Meta:
        model = InboundMessage
        fields = ["id", "body", "received_at"]
        read_only_fields = fields


class TextSerializer(MessageSerializer):
    """A booking's text; ``preview`` is what a text still waiting would say if it went out now."""

    preview = serializers.SerializerMethodField()
    replies = ReplySerializer(many=True, read_only=True, help_text="What the customer wrote after this text.")

    class Meta(MessageSerializer.Meta):
        fields = [*MessageSerializer.Meta.fields, "preview", "replies"]
        read_only_fields = fields

    def get_preview(self, message: Message) -> str | None:
        booking: Appointment = self.context["booking"]
        return services.preview(message, booking) if message.status == Message.Status.PENDING else None


class FieldChangeSerializer(serializers.Serializer[Any]):
    field = serializers.CharField()
    old = serializers.JSONField()
    new = serializers.JSONField()


class HistoryEntrySerializer(serializers.Serializer[Any]):
    """One change of a booking; ``by`` is null for an import, a shell or an API key."""

    at = serializers.DateTimeField()
    by = serializers.CharField(allow_null=True)
    action = serializers.ChoiceField(["created", "changed", "deleted"])
    changes = FieldChangeSerializer(many=True)


def obeying_rules(act: Callable[..., Appointment], *args: Any, **fields: Any) -> Appointment:
    """Do something to a booking; a broken rule becomes the API's error.

    Raises:
      Conflict: another booking has the time.
      serializers.ValidationError: any other rule.
      NotFound: it has been deleted meanwhile.
    """
    try:
        return act(*args, **fields)
    except rules.SlotTaken as taken:
        raise Conflict(taken.message, code=taken.code) from taken
    except rules.RuleBroken as broken:
        raise serializers.ValidationError({broken.field: [broken.message]}, code=broken.code) from broken
    except Appointment.DoesNotExist as gone:  # since this request began
        raise NotFound from gone
