from typing import Any

from django.db.models import QuerySet

from booking_api.filters import KeyFilter
from salon.models import Salon


class VisibleSalonFilter(KeyFilter):
    """Objects of one of the caller's salons; another's finds nothing, so that it tells nothing either."""

    def filter(self, qs: QuerySet[Any], value: Any) -> QuerySet[Any]:
        if value is None:
            return qs
        visible = Salon.objects.visible_to(self.parent.request.user)
        return qs.filter(**{f"{self.field_name}__in": visible.filter(pk=value)})
