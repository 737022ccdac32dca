import django_filters
from django.db.models import Q, QuerySet

from booking_api.filters import StrictFilterSet
from customer.models import Customer
from customer.phone_numbers import matching_phone_number
from salon.filters import VisibleSalonFilter

SORTABLE = ("full_name", "phone_number", "created", "modified")


class CustomerFilter(StrictFilterSet):
    salon = VisibleSalonFilter(field_name="salons")
    search = django_filters.CharFilter(method="filter_search", label="Part of the name or of the phone number.")

    sort_by = django_filters.ChoiceFilter(choices=[(name, name) for name in SORTABLE], method="keep")
    order = django_filters.ChoiceFilter(choices=[("asc", "asc"), ("desc", "desc")], method="keep")

    class Meta:
        model = Customer
        fields: list[str] = []

    def filter_search(self, queryset: QuerySet[Customer], name: str, value: str) -> QuerySet[Customer]:
        return queryset.filter(Q(full_name__icontains=value) | matching_phone_number(value, "phone_number"))

    def filter_queryset(self, queryset: QuerySet[Customer]) -> QuerySet[Customer]:
        found = super().filter_queryset(queryset)
        sort_by = self.form.cleaned_data["sort_by"] or "full_name"
        sign = "-" if self.form.cleaned_data["order"] == "desc" else ""
        return found.order_by(f"{sign}{sort_by}", "id")

    def keep(self, queryset: QuerySet[Customer], name: str, value: str) -> QuerySet[Customer]:
        """The two parameters of the order are read together, once the rest has been filtered."""
        return queryset
