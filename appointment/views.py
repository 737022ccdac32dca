from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from appointment.filters import AppointmentFilter
from appointment.models import Appointment
from appointment.serializers import AppointmentSerializer
from booking_api.permissions import caller
from sms.models import Message
from sms.serializers import MessageSerializer


class AppointmentViewSet(viewsets.ModelViewSet[Appointment]):
    """Bookings of the caller's salons. Making, moving, cancelling and deleting one sends the customer's texts."""

    serializer_class = AppointmentSerializer
    filterset_class = AppointmentFilter
    queryset = Appointment.objects.all()

    def get_queryset(self) -> QuerySet[Appointment]:
        return Appointment.objects.visible_to(caller(self.request))

    @extend_schema(responses=MessageSerializer(many=True), filters=False)
    @action(detail=True, filterset_class=None, serializer_class=MessageSerializer)
    def messages(self, request: Request, pk: str) -> Response:
        """Every text that this booking owed its customer, what became of it and why."""
        messages = Message.objects.filter(booking_id=self.get_object().pk).order_by("created_at", "id")
        page: Any = self.paginate_queryset(messages)  # type: ignore[arg-type]
        return self.get_paginated_response(MessageSerializer(page, many=True).data)
