from django.db.models import QuerySet
from rest_framework import viewsets
from rest_framework.generics import GenericAPIView
from rest_framework.permissions import IsAuthenticated

from booking_api.deletion import RefusesToOrphanBookings
from booking_api.permissions import SalonPermission, caller
from booking_api.versions import VersionedMixin
from booking_api.views import ApiMixin
from salon.models import Salon
from salon.serializers import SalonSerializer


class OfSalonView(ApiMixin, GenericAPIView[Salon]):
    """Base of what is asked of a salon as a whole; `get_object` is the salon, 404 where the caller sees none."""

    permission_classes = [IsAuthenticated]
    api_key_noun: str | None = "salon"
    pagination_class = None
    queryset = Salon.objects.all()
    lookup_url_kwarg = "salon_id"

    def get_queryset(self) -> QuerySet[Salon]:
        return Salon.objects.visible_to(caller(self.request))


class SalonViewSet(ApiMixin, VersionedMixin, RefusesToOrphanBookings, viewsets.ModelViewSet[Salon]):
    """Salons. `PATCH {"reminder_time_minutes": …}` moves every reminder still to come."""

    serializer_class = SalonSerializer
    api_key_noun = "salon"
    permission_classes = [IsAuthenticated, SalonPermission]
    queryset = Salon.objects.all()

    def get_queryset(self) -> QuerySet[Salon]:
        return Salon.objects.visible_to(caller(self.request)).prefetch_related("addresses")
