import django_filters

from booking_api.filters import KeyFilter, StrictFilterSet
from sms.models import Message


class MessageFilter(StrictFilterSet):
    salon = KeyFilter(field_name="salon_id")
    state = django_filters.ChoiceFilter(field_name="status", choices=Message.Status.choices)
    kind = django_filters.ChoiceFilter(choices=Message.Kind.choices)

    class Meta:
        model = Message
        fields: list[str] = []


# Not names that a class body can give.
MessageFilter.base_filters["from"] = django_filters.IsoDateTimeFilter("due_at", "gte", label="Due then or later.")
MessageFilter.base_filters["to"] = django_filters.IsoDateTimeFilter("due_at", "lt", label="Due before.")
