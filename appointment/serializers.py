from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, time
from functools import lru_cache, partial
from typing import Any, TypeVar, cast

from django.core.exceptions import ObjectDoesNotExist
from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import APIException, NotFound

from appointment import availability, due_texts, rules, series, services
from appointment.models import Appointment, Block, CalendarFeed, Series
from booking_api.errors import Conflict
from booking_api.fields import StrictFieldsMixin, VisiblePrimaryKeyField
from booking_api.permissions import caller
from booking_api.representation import QuickRepresentationMixin
from customer.models import Customer
from salon.models import Salon
from schedule import recurrence, spans
from schedule.models import Chair, Service
from schedule.serializers import ServiceSerializer
from sms.models import InboundMessage, Message
from sms.serializers import MessageSerializer
from user.models import ExtendedUser

Made = TypeVar("Made")
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
        return _not_too_many(services)

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


def _not_too_many(services: list[Service]) -> list[Service]:
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


@extend_schema_field({"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$"})
class OnTheClockField(serializers.DateTimeField):
    """What the salon's clock shows, without an offset; for answers."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(format="%Y-%m-%dT%H:%M:%S", default_timezone=None, read_only=True, **kwargs)


class OccurrenceSerializer(serializers.Serializer[Any]):
    """A visit by a series' rule; ``code`` and ``message`` say why it cannot be booked, and are null where it can."""

    position = serializers.IntegerField(help_text="Its place in the series, from 1.")
    on_the_clock = OnTheClockField(help_text="Where the rule puts it, on the salon's clock.")
    appointment_time = serializers.DateTimeField(source="starts_at", help_text="The moment of that, in UTC.")
    is_shifted = serializers.BooleanField(
        help_text="The clock never shows that time, as it is put forward then: the visit begins as it is."
    )
    can_be_booked = serializers.BooleanField()
    code = serializers.CharField(source="refusal.code", default=None, allow_null=True)
    message = serializers.CharField(source="refusal.message", default=None, allow_null=True)


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
        return _not_too_many(services)

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


class SlotSerializer(serializers.Serializer[Any]):
    """A time at which a visit can be booked: with ``slot``, or with what it says."""

    slot = serializers.CharField(source="key", help_text="For the field of that name in a new booking.")
    user = serializers.IntegerField(source="user_id")
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    column_ids = serializers.ListField(child=serializers.IntegerField(), help_text="Chairs that are free; any will do.")


@lru_cache(maxsize=10_000)
def _iso(at: int) -> str:
    """Seconds since 1970 as in every answer; a month has few of them, and each chair and person the same."""
    return f"{spans.moment(at):%Y-%m-%dT%H:%M:%SZ}"


def as_json(slots: Iterable[availability.Slot]) -> list[dict[str, Any]]:
    """What `SlotSerializer` would say of thousands of slots, in a tenth of the time."""
    return [
        {
            "slot": slot.key,
            "user": slot.user_id,
            "starts_at": _iso(slot.begins),
            "ends_at": _iso(slot.ends),
            "column_ids": slot.column_ids,
        }
        for slot in slots
    ]


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


class StretchSerializer(serializers.Serializer[Any]):
    begins_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()


class PersonsDaySerializer(serializers.Serializer[Any]):
    """When somebody works on the day; ``plans_hours`` is false for a person who may be booked at any time."""

    user = serializers.IntegerField(source="user_id")
    name = serializers.CharField()
    plans_hours = serializers.BooleanField()
    working = StretchSerializer(many=True)
    away = StretchSerializer(many=True)


class DayChairSerializer(serializers.ModelSerializer[Chair]):
    class Meta:
        model = Chair
        fields = ["column_id", "name"]


class DayTextSerializer(QuickRepresentationMixin, serializers.ModelSerializer[Message]):
    """The newest text of its kind."""

    class Meta:
        model = Message
        fields = ["id", "kind", "status", "reason", "due_at", "sent_at", "delivered_at"]
        read_only_fields = fields


class VisitSerializer(serializers.Serializer[Any]):
    """A booking of the day, with its customer, the stretches in which it keeps chair and person busy, and its texts."""

    booking = AppointmentSerializer()
    customer_name = serializers.CharField(source="booking.customer.full_name")
    customer_phone_number = serializers.CharField(source="booking.customer.phone_number")
    opted_out = serializers.BooleanField()
    busy = StretchSerializer(many=True)
    texts = DayTextSerializer(many=True)


class DaySerializer(serializers.Serializer[Any]):
    """Everything that a page of the day shows."""

    salon = serializers.IntegerField(source="salon.pk")
    date = serializers.DateField()
    timezone = serializers.CharField(source="salon.timezone")
    begins_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    closed = StretchSerializer(many=True)
    chairs = DayChairSerializer(many=True)
    people = PersonsDaySerializer(many=True)
    services = ServiceSerializer(many=True)
    visits = VisitSerializer(many=True)
    blocks = BlockSerializer(many=True)


class AvailabilitySerializer(serializers.Serializer[Any]):
    """The free slots of a person, by when they begin."""

    user = serializers.IntegerField()
    slots = SlotSerializer(many=True)


def obeying_rules(act: Callable[..., Made], *args: Any, **fields: Any) -> Made:
    """Do something to a booking, a block or a series; a broken rule becomes the API's error.

    Raises:
      Conflict: another booking has the time; with the free slots nearest to it. Or visits of a series clash; with each.
      serializers.ValidationError: any other rule.
      NotFound: it has been deleted meanwhile.
    """
    try:
        return act(*args, **fields)
    except rules.TimeRefused as refused:
        raise _with_alternatives(refused) from refused
    except series.Clashes as clashes:
        raise _with_clashes(clashes) from clashes
    except rules.RuleBroken as broken:
        raise serializers.ValidationError({broken.field: [broken.message]}, code=broken.code) from broken
    except ObjectDoesNotExist as gone:  # since this request began
        raise NotFound from gone


def _with_alternatives(refused: rules.TimeRefused) -> APIException:
    """The API's error for a time that will not do; others are looked for once the request's locks are gone."""
    error: Any
    if isinstance(refused, rules.SlotTaken):
        error = Conflict(refused.message, code=refused.code)
    else:
        error = serializers.ValidationError({refused.field: [refused.message]}, code=refused.code)
    if isinstance(refused.booking, Appointment):
        error.extra = partial(_alternatives, refused.booking, refused.services)
    return cast(APIException, error)


def _with_clashes(clashes: series.Clashes) -> APIException:
    error: Any = Conflict(
        f"{len(clashes.refused)} of {clashes.wanted} visits cannot be then, and none was booked or changed. Choose "
        "another time, person or chair, or leave them out.",
        code="visits_clash",
    )
    error.extra = lambda: {"clashes": OccurrenceSerializer(clashes.refused, many=True).data}
    return cast(APIException, error)


def _alternatives(booking: Appointment, wanted: Sequence[Service]) -> dict[str, Any]:
    return {"alternatives": as_json(availability.nearest(booking, wanted, now=timezone.now()))}


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
