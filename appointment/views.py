from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from appointment import history, services
from appointment.filters import AppointmentFilter
from appointment.models import Appointment
from appointment.serializers import (
    AppointmentSerializer,
    CancelSerializer,
    HistoryEntrySerializer,
    NothingSerializer,
    TextSerializer,
    obeying_rules,
)
from booking_api.permissions import caller
from booking_api.versions import VersionedMixin
from booking_api.views import ApiMixin
from sms.models import Message


class AppointmentViewSet(ApiMixin, VersionedMixin, viewsets.ModelViewSet[Appointment]):
    """Bookings of the caller's salons. Making, moving, cancelling and deleting one sends the customer's texts."""

    serializer_class = AppointmentSerializer
    api_key_noun = "appointments"
    filterset_class = AppointmentFilter
    queryset = Appointment.objects.all()

    def get_queryset(self) -> QuerySet[Appointment]:
        return Appointment.objects.visible_to(caller(self.request)).select_related("salon")

    @extend_schema(request=CancelSerializer, responses=AppointmentSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        """Cancel the visit and keep it in the books; the customer of a visit ahead is told."""
        given = CancelSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        return self._act(services.cancel, given.validated_data["reason"])

    @extend_schema(request=None, responses=AppointmentSerializer)
    @action(detail=True, methods=["post"])
    def complete(self, request: Request, pk: str) -> Response:
        """The visit took place."""
        NothingSerializer(data=request.data).is_valid(raise_exception=True)
        return self._act(services.complete)

    @extend_schema(request=None, responses=AppointmentSerializer)
    @action(detail=True, methods=["post"], url_path="no-show")
    def no_show(self, request: Request, pk: str) -> Response:
        """The customer did not come."""
        NothingSerializer(data=request.data).is_valid(raise_exception=True)
        return self._act(services.note_no_show)

    def _act(self, service: Callable[..., Appointment], *args: Any) -> Response:
        changed = obeying_rules(service, self.get_object().pk, *args)
        return self.versioned(Response(self.get_serializer(changed).data))

    @extend_schema(responses=TextSerializer(many=True), filters=False)
    @action(detail=True, filterset_class=None, serializer_class=TextSerializer, api_key_noun="messages")
    def messages(self, request: Request, pk: str) -> Response:
        """Every text that this booking owed its customer: what became of it and why, or what it will say."""
        booking = self.get_object()
        texts = Message.objects.filter(booking_id=booking.pk).order_by("created_at", "id").prefetch_related("replies")
        page: Any = self.paginate_queryset(texts)  # type: ignore[arg-type]
        context = {**self.get_serializer_context(), "booking": booking}
        return self.get_paginated_response(TextSerializer(page, many=True, context=context).data)

    @extend_schema(responses=HistoryEntrySerializer(many=True), filters=False)
    @action(detail=True, filterset_class=None, serializer_class=HistoryEntrySerializer)
    def history(self, request: Request, pk: str) -> Response:
        """Who changed what of this booking, and when; newest first."""
        page: Any = self.paginate_queryset(list(history.entries(self.get_object().pk)))
        return self.get_paginated_response(HistoryEntrySerializer(page, many=True).data)
