from collections.abc import Callable
from itertools import groupby
from operator import attrgetter
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from appointment import availability, history, services
from appointment.day import day_of
from appointment.filters import AppointmentFilter, AvailabilityQuery, BlockFilter, DayQuery
from appointment.models import Appointment, Block
from appointment.serializers import (
    AppointmentSerializer,
    AvailabilitySerializer,
    BlockSerializer,
    CancelSerializer,
    DaySerializer,
    HistoryEntrySerializer,
    NothingSerializer,
    TextSerializer,
    as_json,
    obeying_rules,
)
from booking_api.permissions import caller
from booking_api.versions import VersionedMixin
from booking_api.views import ApiMixin
from salon.views import OfSalonView
from sms.models import Message


class AppointmentViewSet(ApiMixin, VersionedMixin, viewsets.ModelViewSet[Appointment]):
    """Bookings of the caller's salons. Making, moving, cancelling and deleting one sends the customer's texts."""

    serializer_class = AppointmentSerializer
    api_key_noun = "appointments"
    filterset_class = AppointmentFilter
    queryset = Appointment.objects.all()

    def get_queryset(self) -> QuerySet[Appointment]:
        visible = Appointment.objects.visible_to(caller(self.request)).select_related("salon")
        return visible.prefetch_related("booked_services__service")

    @extend_schema(request=CancelSerializer, responses=AppointmentSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        """Cancel the visit and keep it in the books; the customer of a visit ahead is told."""
        given = CancelSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        return self._act(services.cancel, **given.validated_data)

    @extend_schema(request=None, responses=AppointmentSerializer)
    @action(detail=True, methods=["post"])
    def arrive(self, request: Request, pk: str) -> Response:
        """The customer is there; a reminder still waiting is not sent."""
        return self._note(services.arrive)

    @extend_schema(request=None, responses=AppointmentSerializer)
    @action(detail=True, methods=["post"])
    def start(self, request: Request, pk: str) -> Response:
        """The customer is being served."""
        return self._note(services.start)

    @extend_schema(request=None, responses=AppointmentSerializer)
    @action(detail=True, methods=["post"])
    def complete(self, request: Request, pk: str) -> Response:
        """The visit took place."""
        return self._note(services.complete)

    @extend_schema(request=None, responses=AppointmentSerializer)
    @action(detail=True, methods=["post"], url_path="no-show")
    def no_show(self, request: Request, pk: str) -> Response:
        """The customer did not come."""
        return self._note(services.note_no_show)

    def _note(self, service: Callable[[int], Appointment]) -> Response:
        NothingSerializer(data=self.request.data).is_valid(raise_exception=True)
        return self._act(service)

    def _act(self, service: Callable[..., Appointment], **given: Any) -> Response:
        changed = obeying_rules(service, self.get_object().pk, **given)
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


class BlockViewSet(ApiMixin, viewsets.ModelViewSet[Block]):
    """Time of a chair or a person in which nobody is served, such as lunch. It sends nothing."""

    serializer_class = BlockSerializer
    api_key_noun = "appointments"
    filterset_class = BlockFilter
    queryset = Block.objects.all()

    def get_queryset(self) -> QuerySet[Block]:
        return Block.objects.visible_to(caller(self.request)).select_related("salon")


class AvailabilityView(OfSalonView):
    """Free slots, person by person: times at which the services can be booked with them, and at which chairs.

    People without working hours have none. Times are on the salon's clock when they are given, and in UTC here.
    """

    serializer_class = AvailabilitySerializer
    api_key_noun = "appointments"

    @extend_schema(parameters=[AvailabilityQuery], responses=AvailabilitySerializer(many=True))
    def get(self, request: Request, salon_id: int) -> Response:
        query = AvailabilityQuery(data=request.query_params, context={"salon": self.get_object()})
        query.is_valid(raise_exception=True)
        slots = availability.free_slots(**query.validated_data, now=timezone.now())
        people = groupby(slots, key=attrgetter("user_id"))
        return Response([{"user": user, "slots": as_json(of_person)} for user, of_person in people])


class DayView(OfSalonView):
    """Everything that a page of the salon's day shows: hours, chairs, services, visits with their texts, blocks."""

    serializer_class = DaySerializer
    api_key_noun = "appointments"

    @extend_schema(parameters=[DayQuery], responses=DaySerializer)
    def get(self, request: Request, salon_id: int) -> Response:
        salon = self.get_object()
        query = DayQuery(data=request.query_params, context={"salon": salon})
        query.is_valid(raise_exception=True)
        day = day_of(salon, query.validated_data["date"])
        return Response(DaySerializer(day, context=self.get_serializer_context()).data)
