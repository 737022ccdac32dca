from typing import Any

from django.db.models import QuerySet

from booking_api.filters import KeyFilter, StrictFilterSet
from salon.models import Salon
from user.models import ExtendedUser


class UserFilter(StrictFilterSet):
    salon = KeyFilter(method="filter_salon", label="Who works there; one of the caller's salons.")

    class Meta:
        model = ExtendedUser
        fields: list[str] = []

    def filter_salon(self, queryset: QuerySet[ExtendedUser], name: str, value: Any) -> QuerySet[ExtendedUser]:
        caller: Any = self.request.user
        return queryset.filter(salons__in=Salon.objects.visible_to(caller).filter(pk=value))
