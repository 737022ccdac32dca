from django.db.models import QuerySet
from rest_framework import viewsets

from booking_api.deletion import RefusesToOrphanBookings, refuse_while_ahead
from booking_api.permissions import caller
from booking_api.versions import VersionedMixin
from booking_api.views import ApiMixin
from customer.filters import CustomerFilter
from customer.models import Customer
from customer.serializers import CustomerSerializer
from salon.models import Salon


class CustomerViewSet(ApiMixin, VersionedMixin, RefusesToOrphanBookings, viewsets.ModelViewSet[Customer]):
    """The customers of the caller's salons."""

    serializer_class = CustomerSerializer
    api_key_noun = "customers"
    filterset_class = CustomerFilter
    queryset = Customer.objects.all()

    def get_queryset(self) -> QuerySet[Customer]:
        user = caller(self.request)
        return Customer.objects.visible_to(user).with_counts(user).prefetch_related("salons")

    def perform_destroy(self, instance: Customer) -> None:
        """A customer of another salon too leaves the caller's alone."""
        visible = Salon.objects.visible_to(caller(self.request))
        if not instance.salons.exclude(pk__in=visible.values("pk")).exists():
            super().perform_destroy(instance)
            return
        refuse_while_ahead(instance.appointments.filter(salon__in=visible))
        instance.salons.remove(*visible.filter(customers=instance))
