from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import django_filters
from django.db.models import Q, QuerySet
from django.utils import timezone
from rest_framework import serializers

from appointment import availability
from appointment.models import Appointment, Block, Series
from booking_api.filters import KeyFilter, StrictFilterSet
from customer.phone_numbers import matching_phone_number
from salon.models import Salon
from schedule.models import Service

FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2099, 12, 31)


class AppointmentFilter(StrictFilterSet):
    date = django_filters.DateFilter(method="filter_date", label="A day, in the salon's own time zone.")
    salon = KeyFilter(field_name="salon_id")
    user = KeyFilter(field_name="user_id")
    customer = KeyFilter(field_name="customer_id")
    column_id = KeyFilter()
    status = django_filters.ChoiceFilter(choices=Appointment.Status.choices)

    search = django_filters.CharFilter(
        method="filter_search", label="Part of the customer's name or number, or comment."
    )

    class Meta:
        model = Appointment
        fields: list[str] = []

    def filter_date(self, queryset: QuerySet[Appointment], name: str, value: Any) -> QuerySet[Appointment]:
        """A salon's day begins at its own midnight: one range for each zone that the caller's salons are in."""
        user: Any = self.request.user
        if value >= date.max:
            return queryset.none()
        days = Q(pk__in=[])
        for name_of_zone in Salon.objects.visible_to(user).order_by().values_list("timezone", flat=True).distinct():
            zone = ZoneInfo(name_of_zone)
            begins = datetime.combine(value, time.min, zone)
            ends = datetime.combine(value + timedelta(days=1), time.min, zone)
            days |= Q(salon__timezone=name_of_zone, appointment_time__gte=begins, appointment_time__lt=ends)
        return queryset.filter(days)

    def filter_search(self, queryset: QuerySet[Appointment], name: str, value: str) -> QuerySet[Appointment]:
        matches = Q(customer__full_name__icontains=value) | Q(comment__icontains=value)
        return queryset.filter(matches | matching_phone_number(value, "customer__phone_number"))


# Not names that a class body can give.
AppointmentFilter.base_filters["from"] = django_filters.IsoDateTimeFilter(
    "appointment_time", "gte", label="Begins then or later."
)
AppointmentFilter.base_filters["to"] = django_filters.IsoDateTimeFilter(
    "appointment_time", "lt", label="Begins before."
)


class BlockFilter(StrictFilterSet):
    salon = KeyFilter(field_name="salon_id")
    user = KeyFilter(field_name="user_id")
    column_id = KeyFilter()

    class Meta:
        model = Block
        fields: list[str] = []


BlockFilter.base_filters["from"] = django_filters.IsoDateTimeFilter("ends_at", "gt", label="Ends later.")
BlockFilter.base_filters["to"] = django_filters.IsoDateTimeFilter("starts_at", "lt", label="Begins before.")


class SeriesFilter(StrictFilterSet):
    salon = KeyFilter(field_name="salon_id")
    customer = KeyFilter(field_name="customer_id")

    class Meta:
        model = Series
        fields: list[str] = []


class DayQuery(serializers.Serializer[Any]):
    """What is asked of a salon's day."""

    date = serializers.DateField(required=False, help_text="On the salon's clock. Default: today.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        day = attrs.setdefault("date", local_today(self.context["salon"]))
        check_days(date=day)
        return attrs


class AvailabilityQuery(serializers.Serializer[Any]):
    """What is asked of a salon's free slots; validated, it is what `appointment.availability.free_slots` takes."""

    services = serializers.CharField(max_length=120, help_text="Keys of services in their order, such as 3,7.")
    user = serializers.CharField(
        default="any", max_length=20, help_text="The key of the person, or `any`: everybody who does the services."
    )
    column_id = serializers.IntegerField(required=False, min_value=1, max_value=availability.LARGEST_COLUMN)
    to = serializers.DateField(required=False, help_text="The last day. Default: the first.")
    step_minutes = serializers.IntegerField(
        default=availability.DEFAULT_STEP_MINUTES, min_value=5, max_value=240, help_text="Slots begin so far apart."
    )

    def get_fields(self) -> dict[str, Any]:
        first = serializers.DateField(required=False, help_text="The first day, on the salon's clock. Default: today.")
        return {**super().get_fields(), "from": first}

    def validate_services(self, text: str) -> list[Service]:
        parts = text.split(",")
        if not all(part.isascii() and part.isdecimal() and len(part) < 19 for part in parts):
            raise serializers.ValidationError("Give keys of services, such as 3,7.")
        found = Service.objects.filter(salon=self.context["salon"], is_active=True).in_bulk(map(int, parts))
        missing = [part for part in parts if int(part) not in found]
        if missing:
            raise serializers.ValidationError(f"The salon offers no service {missing[0]}.", code="does_not_exist")
        return [found[int(part)] for part in parts]

    def validate_user(self, text: str) -> int | None:
        if text == "any":
            return None
        if not (text.isascii() and text.isdecimal() and len(text) < 19):
            raise serializers.ValidationError("Give the key of a person, or any.")
        if not self.context["salon"].staff.filter(pk=int(text), is_active=True).exists():
            raise serializers.ValidationError("Nobody by that key works here.", code="does_not_exist")
        return int(text)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        salon: Salon = self.context["salon"]
        first = attrs.get("from") or local_today(salon)
        last = attrs.get("to") or first
        check_days(**{"from": first, "to": last})
        if last < first:
            raise serializers.ValidationError({"to": ["End no earlier than you begin."]})
        if (last - first).days >= availability.LONGEST_RANGE_DAYS:
            raise serializers.ValidationError({"to": [f"Ask for at most {availability.LONGEST_RANGE_DAYS} days."]})
        return {
            "wanted": availability.Wanted.of_services(salon, attrs["services"]),
            "first": first,
            "last": last,
            "user_id": attrs["user"],
            "column_id": attrs.get("column_id"),
            "step_minutes": attrs["step_minutes"],
        }


def local_today(salon: Salon) -> date:
    """Today on the salon's clock."""
    return timezone.localdate(timezone=salon.zone)


def check_days(**days: date) -> None:
    """Raises:
    serializers.ValidationError: a day so far away that no clock can be told there.
    """
    for name, day in days.items():
        if not FIRST_DAY <= day <= LAST_DAY:
            raise serializers.ValidationError({name: [f"Give a day from {FIRST_DAY} to {LAST_DAY}."]})
