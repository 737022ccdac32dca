from __future__ import annotations

from datetime import date
from typing import Any

from django.db.models import QuerySet, RestrictedError
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import viewsets
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from booking_api.errors import Conflict
from booking_api.permissions import SalonPartPermission, caller
from booking_api.views import ApiMixin
from salon.models import Salon
from salon.views import OfSalonView
from schedule.filters import ChairFilter, ServiceFilter, SpecialHoursFilter, TimeOffFilter, WorkingHoursFilter
from schedule.holidays import holidays_of
from schedule.models import Chair, Service, SpecialHours, TimeOff, WorkingHours
from schedule.serializers import (
    ChairSerializer,
    HolidaySerializer,
    ServiceSerializer,
    SpecialHoursSerializer,
    TimeOffSerializer,
    WorkingHoursSerializer,
)

FIRST_YEAR, LAST_YEAR = 2000, 2099


class OfSalonViewSet(ApiMixin, viewsets.ModelViewSet[Any]):
    """What belongs to a salon: its staff read it, its owners change it."""

    permission_classes = [IsAuthenticated, SalonPartPermission]
    api_key_noun = "salon"

    def get_queryset(self) -> QuerySet[Any]:
        queryset: Any = super().get_queryset()
        visible: QuerySet[Any] = queryset.visible_to(caller(self.request))
        return visible

    def perform_create(self, serializer: Any) -> None:
        if not caller(self.request).owns(serializer.validated_data["salon"]):
            raise PermissionDenied(SalonPartPermission.message)
        serializer.save()


class ServiceViewSet(OfSalonViewSet):
    """What a salon offers. A service that was ever booked is switched off instead of deleted."""

    serializer_class = ServiceSerializer
    filterset_class = ServiceFilter
    queryset = Service.objects.prefetch_related("people")

    def perform_destroy(self, instance: Service) -> None:
        try:
            instance.delete()
        except RestrictedError as error:
            raise Conflict("It has been booked. Set is_active to false instead.", code="in_use") from error


class ChairViewSet(OfSalonViewSet):
    """The columns of a salon's day."""

    serializer_class = ChairSerializer
    filterset_class = ChairFilter
    queryset = Chair.objects.prefetch_related("services", "people")


class WorkingHoursViewSet(OfSalonViewSet):
    """When people work in an ordinary week, on the salon's clock. A person without any may be booked at any time."""

    serializer_class = WorkingHoursSerializer
    filterset_class = WorkingHoursFilter
    queryset = WorkingHours.objects.all()


class SpecialHoursViewSet(OfSalonViewSet):
    """Other hours on a date, or none, in place of a person's ordinary week."""

    serializer_class = SpecialHoursSerializer
    filterset_class = SpecialHoursFilter
    queryset = SpecialHours.objects.all()


class TimeOffViewSet(OfSalonViewSet):
    """When people are away, or the salon is closed."""

    serializer_class = TimeOffSerializer
    filterset_class = TimeOffFilter
    queryset = TimeOff.objects.all()


class HolidaysView(OfSalonView):
    """The public holidays of the salon's country in a year. To close on one, make it a time off of the salon."""

    serializer_class = HolidaySerializer

    @extend_schema(
        parameters=[OpenApiParameter("year", {"type": "integer", "minimum": FIRST_YEAR, "maximum": LAST_YEAR})],
        responses=HolidaySerializer(many=True),
    )
    def get(self, request: Request, salon_id: int) -> Response:
        salon = self.get_object()
        return Response(HolidaySerializer(list(holidays_of(salon, self._year(request, salon))), many=True).data)

    def _year(self, request: Request, salon: Salon) -> int:
        this_year: date = timezone.localdate(timezone=salon.zone)
        year = request.query_params.get("year", str(this_year.year))
        if not (year.isdecimal() and len(year) == 4 and FIRST_YEAR <= int(year) <= LAST_YEAR):
            raise ValidationError({"year": [f"Give a year from {FIRST_YEAR} to {LAST_YEAR}."]}, code="invalid")
        return int(year)
