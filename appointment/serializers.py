"""Bookings and blocks, their texts and their history."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from rest_framework import serializers

from appointment import availability, due_texts, services
from appointment.models import Appointment, Block
from appointment.refusals import obeying_rules
from booking_api.fields import StrictFieldsMixin, VisiblePrimaryKeyField
from booking_api.permissions import caller
from booking_api.representation import QuickRepresentationMixin
from customer.models import Customer
from salon.models import Salon
from schedule.models import Service
from sms.models import InboundMessage, Message
from sms.serializers import MessageSerializer
from user.models import ExtendedUser

MOST_SERVICES = 10


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


class AppointmentSerializer(StrictFieldsMixin, QuickRepresentationMixin, serializers.ModelSerializer[Appointment]):
    """Times carry a UTC offset; one without is read as the salon's local time. Answers are in UTC."""

    salon = VisiblePrimaryKeyField(queryset=Salon.objects.all())
    user = VisiblePrimaryKeyField(queryset=ExtendedUser.objects.filter(is_active=True))
    customer = VisiblePrimaryKeyField(queryset=Customer.objects.all())
    appointment_time = SalonTimeField(required=False, help_text="Needed, unless `slot` says it.")
    end_time = SalonTimeField(
        required=False, allow_null=True, help_text="Without it, a visit with services is as long as they take."
    )
    services = VisiblePrimaryKeyField(
        many=True,
        required=False,
        queryset=Service.objects.all(),
        help_text="In their order; what they take and cost is kept as it is now.",
    )
    slot = serializers.CharField(
        write_only=True,
        required=False,
        max_length=60,
        help_text="A free slot's `slot`: says person, chair and time.",
    )
    price = serializers.DecimalField(
        max_digits=9,
        decimal_places=2,
        read_only=True,
        allow_null=True,
        help_text="Of its services, as booked; null where one has none.",
    )
    currency = serializers.CharField(read_only=True, allow_null=True)

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
            "services",
            "slot",
            "price",
            "currency",
            "status",
            "cancel_reason",
            "cancelled_by_customer",
            "cancelled_at",
            "allow_overlap",
            "allow_outside_hours",
            "series",
            "series_position",
            "changed_alone",
            "task_id",
            "created",
            "modified",
        ]
        read_only_fields = [
            "cancel_reason",
            "cancelled_by_customer",
            "cancelled_at",
            "series",
            "series_position",
            "changed_alone",
            "task_id",
            "created",
            "modified",
        ]
        extra_kwargs = {"column_id": {"min_value": 1}}

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        fields = super().get_fields()
        if "slot" in getattr(self, "initial_data", {}):
            fields["user"].required = False  # the slot names the person
        return fields

    def validate_status(self, status: str) -> str:
        """Whoever sends back what they were shown changes nothing, and is not refused."""
        shown = self.instance.status if self.instance is not None else Appointment.Status.BOOKED
        if status == Appointment.Status.OFFERED != shown:
            raise serializers.ValidationError("The waitlist makes offers; book it.", code="not_allowed")
        return status

    def validate_services(self, services: list[Service]) -> list[Service]:
        return not_too_many(services)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        salon: Salon = attrs.get("salon") or self.instance.salon  # type: ignore[union-attr]
        self._take_slot(attrs)
        if self.instance is None and "appointment_time" not in attrs:
            raise serializers.ValidationError({"appointment_time": ["Give a time, or a slot."]}, code="required")
        if attrs.get("allow_outside_hours") and not caller(self.context["request"]).owns(salon):
            message = "Only an owner of the salon books outside of working hours."
            raise serializers.ValidationError({"allow_outside_hours": [message]}, code="not_allowed")
        put_on_the_salons_clock(attrs, salon, "appointment_time", "end_time")
        return attrs

    def _take_slot(self, attrs: dict[str, Any]) -> None:
        """Put what a slot says where it would stand without one."""
        text = attrs.pop("slot", None)
        if text is None:
            return
        try:
            user_id, column_id, starts_at = availability.parse_key(text)
            user = ExtendedUser.objects.visible_to(caller(self.context["request"])).get(pk=user_id, is_active=True)
        except (ValueError, ExtendedUser.DoesNotExist) as error:
            message = "There is no such slot. Take one from the salon's availability."
            raise serializers.ValidationError({"slot": [message]}, code="unknown_slot") from error
        for name, value in {"user": user, "column_id": column_id, "appointment_time": starts_at}.items():
            if attrs.setdefault(name, value) != value:
                message = "It differs from the slot's. Give one of the two."
                raise serializers.ValidationError({name: [message]}, code="differs_from_slot")

    def create(self, validated_data: dict[str, Any]) -> Appointment:
        return obeying_rules(services.book, **validated_data)

    def update(self, instance: Appointment, validated_data: dict[str, Any]) -> Appointment:
        return obeying_rules(services.change, instance.pk, **validated_data)


def not_too_many(services: list[Service]) -> list[Service]:
    if len(services) > MOST_SERVICES:
        raise serializers.ValidationError(f"Book at most {MOST_SERVICES} services at a time.", code="too_many")
    return services


def put_on_the_salons_clock(attrs: dict[str, Any], salon: Salon, *fields: str) -> None:
    """Read the given times that have no offset as the salon's clock shows them. Raises: as `_on_the_salons_clock`."""
    for name in fields:
        moment = attrs.get(name)
        if moment is not None and moment.tzinfo is None:
            attrs[name] = _on_the_salons_clock(moment, salon, name)


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
    by_customer = serializers.BooleanField(
        required=False, default=False, help_text="The customer asked for it: counts as theirs, if it is late."
    )
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
        return due_texts.preview(message, booking) if message.status == Message.Status.PENDING else None


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


class BlockSerializer(StrictFieldsMixin, serializers.ModelSerializer[Block]):
    """Times carry a UTC offset; one without is read as the salon's local time. Answers are in UTC."""

    salon = VisiblePrimaryKeyField(queryset=Salon.objects.all())
    user = VisiblePrimaryKeyField(required=False, allow_null=True, queryset=ExtendedUser.objects.filter(is_active=True))
    starts_at = SalonTimeField()
    ends_at = SalonTimeField()

    class Meta:
        model = Block
        fields = ["id", "salon", "user", "column_id", "starts_at", "ends_at", "label", "created", "modified"]
        read_only_fields = ["created", "modified"]

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        salon: Salon = attrs.get("salon") or self.instance.salon  # type: ignore[union-attr]
        put_on_the_salons_clock(attrs, salon, "starts_at", "ends_at")
        return attrs

    def create(self, validated_data: dict[str, Any]) -> Block:
        return obeying_rules(services.block, **validated_data)

    def update(self, instance: Block, validated_data: dict[str, Any]) -> Block:
        return obeying_rules(services.change_block, instance.pk, **validated_data)
