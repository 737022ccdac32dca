from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from booking_api.deletion import RefusesToOrphanBookings, refuse_while_ahead
from booking_api.permissions import caller
from booking_api.versions import VersionedMixin
from booking_api.views import ApiMixin
from customer.filters import CustomerFilter
from customer.models import Customer
from customer.serializers import CustomerSerializer, MergeSerializer
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

    @extend_schema(request=MergeSerializer, responses=CustomerSerializer)
    @action(detail=True, methods=["post"])
    def merge(self, request: Request, pk: str) -> Response:
        """Two records of one person become this one: visits, series, waitlist, texts, replies and opt-outs.

        Nothing is sent; texts still to come go to the number kept.
        """
        kept = self.get_object()
        merged = MergeSerializer(data=request.data, context={**self.get_serializer_context(), "customer": kept})
        merged.is_valid(raise_exception=True)
        merged.save()
        return self.versioned(Response(self.get_serializer(self.get_queryset().get(pk=kept.pk)).data))

    def perform_destroy(self, instance: Customer) -> None:
        """A customer of another salon too leaves the caller's alone."""
        visible = Salon.objects.visible_to(caller(self.request))
        if not instance.salons.exclude(pk__in=visible.values("pk")).exists():
            super().perform_destroy(instance)
            return
        refuse_while_ahead(instance.appointments.filter(salon__in=visible))
        instance.salons.remove(*visible.filter(customers=instance))
