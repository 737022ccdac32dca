from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.utils.functional import cached_property
from phonenumber_field.serializerfields import PhoneNumberField
from rest_framework import serializers

from booking_api.errors import Conflict
from booking_api.fields import StrictFieldsMixin, VisiblePrimaryKeyField
from booking_api.permissions import caller
from booking_api.representation import QuickRepresentationMixin
from customer import merging, services
from customer.models import Customer
from salon.models import Salon
from sms import opt_outs, unreachable


class CustomerSerializer(StrictFieldsMixin, QuickRepresentationMixin, serializers.ModelSerializer[Customer]):
    salon_ids = VisiblePrimaryKeyField(source="salons", many=True, allow_empty=False, queryset=Salon.objects.all())

    opted_out = serializers.SerializerMethodField(help_text="Replied STOP: booked as usual, but sent no texts.")

    unreachable = serializers.SerializerMethodField(
        help_text="Why texts do not reach this number, as Twilio said of the last one; null if they do."
    )
    no_shows = serializers.IntegerField(
        read_only=True, help_text="Visits, at the caller's salons, that they did not come to."
    )
    late_cancellations = serializers.IntegerField(
        read_only=True, help_text="Visits that they cancelled later than the salon's `late_cancel_hours`."
    )

    class Meta:
        model = Customer
        fields = [
            "id",
            "full_name",
            "phone_number",
            "salon_ids",
            "opted_out",
            "unreachable",
            "no_shows",
            "late_cancellations",
            "created",
            "modified",
        ]
        read_only_fields = ["created", "modified"]

    def create(self, validated_data: dict[str, Any]) -> Customer:
        return self._counted(_with_free_number(services.create_customer, **validated_data))

    def update(self, instance: Customer, validated_data: dict[str, Any]) -> Customer:
        """Salons that the caller cannot see stay as they are."""
        visible = Salon.objects.visible_to(caller(self.context["request"])).values_list("pk", flat=True)
        changed = _with_free_number(
            services.change_customer, instance, **{"salons": None, **validated_data}, within=visible
        )
        return self._counted(changed)

    def _counted(self, customer: Customer) -> Customer:
        return Customer.objects.with_counts(caller(self.context["request"])).get(pk=customer.pk)

    def get_opted_out(self, customer: Customer) -> bool:
        return self._numbers_shown[customer.pk] in self._opted_out_numbers

    def get_unreachable(self, customer: Customer) -> str | None:
        return self._unreachable_numbers.get(self._numbers_shown[customer.pk])

    @cached_property
    def _opted_out_numbers(self) -> set[str]:
        return opt_outs.among(self._numbers_shown.values())

    @cached_property
    def _unreachable_numbers(self) -> dict[str, str]:
        return unreachable.among(self._numbers_shown.values())

    @cached_property
    def _numbers_shown(self) -> dict[int, str]:
        """Of all customers shown, so that one query serves them all; to write a number takes longer than most else."""
        shown = self.parent.instance if self.parent is not None else [self.instance]
        return {customer.pk: str(customer.phone_number) for customer in shown}  # type: ignore[union-attr]

    def to_representation(self, instance: Customer) -> dict[str, Any]:
        data = super().to_representation(instance)
        user = caller(self.context["request"])
        if not user.is_superuser:
            data["salon_ids"] = [pk for pk in data["salon_ids"] if pk in user.salon_ids]
        return data


class MergeSerializer(StrictFieldsMixin, serializers.Serializer[Customer]):
    """The other record of the same person, and which name and number stay: those of the kept one, unless given."""

    other = VisiblePrimaryKeyField(
        queryset=Customer.objects.all(), help_text="Goes: all that is theirs becomes the kept customer's."
    )
    full_name = serializers.CharField(required=False, allow_blank=True, max_length=120)
    phone_number = PhoneNumberField(required=False, help_text="One of the two that they have.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        kept, other = self.context["customer"], attrs["other"]
        if kept == other:
            raise serializers.ValidationError({"other": ["Choose another customer."]}, code="same_customer")
        if attrs.get("phone_number", kept.phone_number) not in (kept.phone_number, other.phone_number):
            message = "Keep one of the two numbers that they have; it can be changed afterwards."
            raise serializers.ValidationError({"phone_number": [message]}, code="not_theirs")
        return attrs

    def save(self, **kwargs: Any) -> Customer:
        """Raises: Conflict."""
        user, given = caller(self.context["request"]), self.validated_data
        try:
            return _with_free_number(
                merging.merge,
                self.context["customer"].pk,
                given["other"].pk,
                visible=None if user.is_superuser else user.salon_ids,
                full_name=given.get("full_name"),
                phone_number=given.get("phone_number"),
            )
        except merging.NotYours as elsewhere:
            message = (
                f"Customer {elsewhere.customer_id} is known to a salon that you do not work for, and would change "
                "there. Somebody who works for all of their salons can merge them."
            )
            raise Conflict(message, code="customer_of_another_salon") from elsewhere
        except merging.Gone as gone:
            message = "One of the two has just been merged or deleted. Look for them again."
            raise Conflict(message, code="customer_gone") from gone


def _with_free_number(act: Callable[..., Customer], *args: Any, **fields: Any) -> Customer:
    try:
        return act(*args, **fields)
    except services.PhoneNumberTaken as taken:
        raise Conflict(
            f"Customer {taken.customer_id} of this salon has this phone number.", code="phone_number_taken"
        ) from taken
