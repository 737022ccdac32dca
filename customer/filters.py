import django_filters
from django.db.models import Q, QuerySet

from customer.models import Customer


class CustomerFilter(django_filters.FilterSet):
    salon = django_filters.NumberFilter(field_name="salons")
    search = django_filters.CharFilter(method="filter_search", label="Part of the name or of the phone number.")

    class Meta:
        model = Customer
        fields: list[str] = []

    def filter_search(self, queryset: QuerySet[Customer], name: str, value: str) -> QuerySet[Customer]:
        digits = "".join(character for character in value if character.isdigit()).lstrip("0")
        matches = Q(full_name__icontains=value)
        if digits:
            matches |= Q(phone_number__contains=digits)
        return queryset.filter(matches)
