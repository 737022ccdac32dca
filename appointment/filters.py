from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import django_filters
from django.db.models import Q, QuerySet

from appointment.models import Appointment
from booking_api.filters import KeyFilter, StrictFilterSet
from customer.phone_numbers import matching_phone_number
from salon.models import Salon


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
        for timezone in Salon.objects.visible_to(user).order_by().values_list("timezone", flat=True).distinct():
            zone = ZoneInfo(timezone)
            begins = datetime.combine(value, time.min, zone)
            ends = datetime.combine(value + timedelta(days=1), time.min, zone)
            days |= Q(salon__timezone=timezone, appointment_time__gte=begins, appointment_time__lt=ends)
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
