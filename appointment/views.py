from collections.abc import Callable
from itertools import groupby
from operator import attrgetter
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from appointment import availability, history, series, services
from appointment.day import day_of
from appointment.day_serializers import DaySerializer
from appointment.filters import AppointmentFilter, AvailabilityQuery, BlockFilter, DayQuery, SeriesFilter
from appointment.models import Appointment, Block, Series
from appointment.refusals import obeying_rules
from appointment.serializers import (
    AppointmentSerializer,
    BlockSerializer,
    CancelSerializer,
    HistoryEntrySerializer,
    NothingSerializer,
    TextSerializer,
)
from appointment.series_serializers import (
    CancelSeriesSerializer,
    ChangedSeriesSerializer,
    ChangeSeriesSerializer,
    MadeSeriesSerializer,
    NewSeriesSerializer,
    PlannedSeriesSerializer,
    SeriesSerializer,
    SeriesWithVisitsSerializer,
)
from appointment.time_serializers import AvailabilitySerializer, OccurrenceSerializer, as_json
from booking_api.permissions import caller
from booking_api.versions import VersionedMixin
from booking_api.views import ApiMixin
from salon.views import OfSalonView
from sms.models import Message
from user.models import ExtendedUser


class AppointmentViewSet(ApiMixin, VersionedMixin, viewsets.ModelViewSet[Appointment]):
    """Bookings of the caller's salons. Making, moving, cancelling and deleting one sends the customer's texts."""

    serializer_class = AppointmentSerializer
    api_key_noun = "appointments"
    filterset_class = AppointmentFilter
    queryset = Appointment.objects.all()

    def get_queryset(self) -> QuerySet[Appointment]:
        visible = Appointment.objects.visible_to(caller(self.request))
        return visible.with_booked() if self.request.method in SAFE_METHODS else visible.select_related("salon")

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


class SeriesViewSet(
    ApiMixin,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    viewsets.GenericViewSet[Series],
):
    """Visits that recur by a rule. Each is a booking like any other; one alone is changed as such."""

    serializer_class = SeriesWithVisitsSerializer
    api_key_noun = "appointments"
    filterset_class = SeriesFilter
    queryset = Series.objects.all()

    def get_queryset(self) -> QuerySet[Series]:
        found = Series.objects.visible_to(caller(self.request)).with_visits_ahead()
        return found if self.action == "list" else found.with_visits()

    @extend_schema(responses=SeriesSerializer(many=True))
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        page: Any = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(SeriesSerializer(page, many=True).data)

    @extend_schema(request=NewSeriesSerializer, responses={201: MadeSeriesSerializer})
    def create(self, request: Request) -> Response:
        """Make a series, all of it or, with `skip_clashes`, what can be. The first visit is confirmed by text."""
        author = request.user if isinstance(request.user, ExtendedUser) else None
        made = obeying_rules(series.make, created_by=author, **self._given(NewSeriesSerializer))
        return self._answer(MadeSeriesSerializer, made.series.pk, status=201, left_out=made.left_out)

    @extend_schema(request=PlannedSeriesSerializer, responses=OccurrenceSerializer(many=True), filters=False)
    @action(detail=False, methods=["post"], pagination_class=None)
    def preview(self, request: Request) -> Response:
        """Every visit that a series would have, and whether it could be booked now. Nothing is written."""
        looked_at = obeying_rules(series.preview, **self._given(PlannedSeriesSerializer))
        return Response(OccurrenceSerializer(looked_at, many=True).data)

    @extend_schema(request=ChangeSeriesSerializer, responses=ChangedSeriesSerializer)
    @action(detail=True, methods=["post"])
    def change(self, request: Request, pk: str) -> Response:
        """Change the visits still ahead, all or from one of them on; all of these, or none if one of them clashes."""
        return self._act(series.change, ChangeSeriesSerializer)

    @extend_schema(request=CancelSeriesSerializer, responses=ChangedSeriesSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        """Cancel the visits still ahead, all or from one of them on; the customer is told of each."""
        return self._act(series.cancel, CancelSeriesSerializer)

    def _act(self, act: Callable[..., series.Changed], serializer: type[BaseSerializer[Any]]) -> Response:
        done = obeying_rules(act, self.get_object().pk, **self._given(serializer))
        return self._answer(ChangedSeriesSerializer, done.series.pk, changed=done.changed, left_alone=done.left_alone)

    def _given(self, serializer: type[BaseSerializer[Any]]) -> dict[str, Any]:
        given = serializer(data=self.request.data, context=self.get_serializer_context())
        given.is_valid(raise_exception=True)
        return given.validated_data

    def _answer(
        self, serializer: type[SeriesWithVisitsSerializer], series_id: int, status: int = 200, **told: Any
    ) -> Response:
        """A series as it is now, and what the act has to tell."""
        shown = self.get_queryset().get(pk=series_id)
        for name, value in told.items():
            setattr(shown, name, value)
        return Response(serializer(shown, context=self.get_serializer_context()).data, status=status)


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
