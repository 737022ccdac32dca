"""Visits in people's calendars: a file for each, and feeds to subscribe to."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, status, viewsets
from rest_framework.exceptions import NotFound, PermissionDenied, Throttled
from rest_framework.generics import GenericAPIView, get_object_or_404
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from appointment import calendar_feeds, calendars
from appointment.calendar_serializers import CalendarFeedSerializer, NewCalendarFeedSerializer
from appointment.models import Appointment, CalendarFeed
from booking_api.permissions import caller
from booking_api.rate_limits import Limit, take
from booking_api.versions import is_known
from booking_api.views import ApiMixin
from salon.models import Salon


class _WhateverIsAccepted(BaseContentNegotiation):
    """Calendars ask for text/calendar, text/html or nothing in particular; errors are JSON for all of them."""

    def filter_renderers(self, renderers: Any, format_suffix: str | None) -> Any:
        return renderers

    def select_renderer(self, request: Any, renderers: Any, format_suffix: str | None = None) -> tuple[Any, str]:
        return renderers[0], renderers[0].media_type


class _CalendarAnswer(ApiMixin, GenericAPIView[Any]):
    """Base of what answers iCalendar, or 304."""

    content_negotiation_class = _WhateverIsAccepted
    pagination_class = None
    answers_if_newer = True

    def calendar(
        self, request: Request, entries: Sequence[calendars.Entry], file_name: str, name: str = ""
    ) -> HttpResponse:
        etag = calendars.etag_of(entries)
        if is_known(request, etag):
            response: HttpResponse = HttpResponseNotModified()
        else:
            response = HttpResponse(calendars.render(entries, name), content_type=calendars.CONTENT_TYPE)
            response["Content-Disposition"] = f'attachment; filename="{file_name}"'
        response["ETag"] = etag
        return response


class VisitCalendarView(_CalendarAnswer):
    """A visit as an iCalendar file. A calendar that has taken it in brings it up to date from a later one."""

    permission_classes = [IsAuthenticated]
    api_key_noun = "appointments"
    queryset = Appointment.objects.all()

    def get_queryset(self) -> QuerySet[Appointment]:
        visible = Appointment.objects.visible_to(caller(self.request)).select_related("salon", "customer")
        return visible.prefetch_related("salon__addresses").with_booked()

    @extend_schema(operation_id="appointments_calendar_retrieve", responses={(200, "text/calendar"): OpenApiTypes.STR})
    def get(self, request: Request, pk: int) -> HttpResponse:
        booking = self.get_object()
        return self.calendar(request, [calendars.entry_of(booking)], f"visit-{booking.pk}.ics")


class CalendarView(_CalendarAnswer):
    """What a person does, for their calendar to subscribe to. Nobody logs in: who knows the address may read it."""

    permission_classes = [AllowAny]
    authentication_classes: list[Any] = []

    @extend_schema(operation_id="calendars_retrieve", responses={(200, "text/calendar"): OpenApiTypes.STR})
    def get(self, request: Request, address: str) -> HttpResponse:
        feed = calendar_feeds.find(address)
        if feed is None:
            raise NotFound
        self._limit(feed)
        response = self.calendar(
            request, calendars.entries_of(feed, timezone.now()), "visits.ics", feed.name or "Visits"
        )
        response["Referrer-Policy"] = "no-referrer"
        response["X-Robots-Tag"] = "noindex"
        return response

    def _limit(self, feed: CalendarFeed) -> None:
        verdict = take(Limit(f"calendar:{feed.pk}", settings.RATE_LIMIT_PER_CALENDAR_FEED, 3600))
        if verdict is not None and not verdict.is_allowed:
            raise Throttled(wait=verdict.wait_seconds)


class _CalendarFeeds(ApiMixin, mixins.ListModelMixin, mixins.DestroyModelMixin, viewsets.GenericViewSet[CalendarFeed]):
    serializer_class = CalendarFeedSerializer
    permission_classes = [IsAuthenticated]
    queryset = CalendarFeed.objects.all()
    keeps_answers = False

    def perform_destroy(self, instance: CalendarFeed) -> None:
        """The feed stays in the list, as revoked."""
        calendar_feeds.revoke(instance)


class CalendarFeedViewSet(mixins.CreateModelMixin, _CalendarFeeds):
    """The caller's own calendar feeds. A feed's address is in the answer that makes it, and never again."""

    def get_queryset(self) -> QuerySet[CalendarFeed]:
        return CalendarFeed.objects.filter(user=caller(self.request))

    @extend_schema(responses={201: NewCalendarFeedSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        feed, address = calendar_feeds.make(user=caller(request), **serializer.validated_data)
        url = _public(request._request, reverse("calendar", args=[address]))
        return Response({**self.get_serializer(feed).data, "url": url}, status=status.HTTP_201_CREATED)


class StaffCalendarFeedViewSet(_CalendarFeeds):
    """The feeds that show a salon's visits, whose people are its staff: for its owners to see and to revoke."""

    def get_queryset(self) -> QuerySet[CalendarFeed]:
        salon = self._salon()
        return CalendarFeed.objects.filter(Q(salon=None) | Q(salon=salon), user__salons=salon)

    def _salon(self) -> Salon:
        """Raises:
        Http404: the caller sees no such salon.
        PermissionDenied: they see it, and do not own it.
        """
        user = caller(self.request)
        salon: Salon = get_object_or_404(Salon.objects.visible_to(user), pk=self.kwargs["salon_id"])
        if not user.owns(salon):
            raise PermissionDenied("Only an owner of the salon sees the calendar feeds of its staff.")
        return salon


def _public(request: HttpRequest, path: str) -> str:
    """The address of a path as the outside world knows it."""
    return f"{settings.PUBLIC_BASE_URL}{path}" if settings.PUBLIC_BASE_URL else request.build_absolute_uri(path)
