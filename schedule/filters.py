from typing import Any

import django_filters

from booking_api.filters import KeyFilter, StrictFilterSet, YesOrNoFilter
from schedule.models import Chair, Service, SpecialHours, TimeOff, WorkingHours


class OfSalonFilter(StrictFilterSet):
    salon = KeyFilter(field_name="salon_id")


class ServiceFilter(OfSalonFilter):
    is_active = YesOrNoFilter()

    class Meta:
        model = Service
        fields: list[str] = []


class ChairFilter(OfSalonFilter):
    column_id = KeyFilter()

    class Meta:
        model = Chair
        fields: list[str] = []


class WorkingHoursFilter(OfSalonFilter):
    user = KeyFilter(field_name="user_id")

    class Meta:
        model = WorkingHours
        fields: list[str] = []


class SpecialHoursFilter(OfSalonFilter):
    user = KeyFilter(field_name="user_id")

    class Meta:
        model = SpecialHours
        fields: list[str] = []


class TimeOffFilter(OfSalonFilter):
    user = KeyFilter(field_name="user_id")

    class Meta:
        model = TimeOff
        fields: list[str] = []


def _between(filter_set: Any, begins: str, ends: str) -> None:
    """``from`` and ``to``, both included: not names that a class body can give."""
    filter_set.base_filters["from"] = django_filters.DateFilter(ends, "gte", label="That day or later.")
    filter_set.base_filters["to"] = django_filters.DateFilter(begins, "lte", label="That day or earlier.")


_between(SpecialHoursFilter, "date", "date")
_between(TimeOffFilter, "first_day", "last_day")
