from typing import Any

import django_filters
from django.db.models import QuerySet

from salon.models import Salon
from user.models import ExtendedUser


class UserFilter(django_filters.FilterSet):
    salon = django_filters.NumberFilter(method="filter_salon", label="Who works there; one of the caller's salons.")

    class Meta:
        model = ExtendedUser
        fields: list[str] = []

    def filter_salon(self, queryset: QuerySet[ExtendedUser], name: str, value: Any) -> QuerySet[ExtendedUser]:
        caller: Any = self.request.user
        return queryset.filter(salons__in=Salon.objects.visible_to(caller).filter(pk=value))
