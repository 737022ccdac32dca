import django_filters

from booking_api.filters import KeyFilter, StrictFilterSet
from waitlist.models import Entry


class EntryFilter(StrictFilterSet):
    salon = KeyFilter(field_name="salon_id")
    customer = KeyFilter(field_name="customer_id")
    state = django_filters.ChoiceFilter(choices=Entry.State.choices)

    class Meta:
        model = Entry
        fields: list[str] = []
