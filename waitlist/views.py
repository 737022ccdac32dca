from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache
from drf_spectacular.utils import extend_schema
from rest_framework import viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from appointment.models import Appointment
from appointment.rules import RuleBroken
from booking_api.permissions import caller
from booking_api.views import ApiMixin
from sms.clock import database_now
from waitlist import links, services
from waitlist.errors import NotOffered
from waitlist.filters import EntryFilter
from waitlist.matching import with_services
from waitlist.models import Entry, Offer
from waitlist.serializers import EntrySerializer, obeying


class EntryViewSet(ApiMixin, viewsets.ModelViewSet[Entry]):
    """Customers who wait for a time. A time that becomes free is offered, by text, to the first whom it suits."""

    serializer_class = EntrySerializer
    api_key_noun = "appointments"
    filterset_class = EntryFilter
    queryset = Entry.objects.all()

    def get_queryset(self) -> QuerySet[Entry]:
        return with_services(Entry.objects.visible_to(caller(self.request))).prefetch_related("offers")

    def perform_destroy(self, instance: Entry) -> None:
        services.remove(instance.pk)

    @extend_schema(request=None, responses=EntrySerializer)
    @action(detail=True, methods=["post"])
    def withdraw(self, request: Request, pk: str) -> Response:
        """The customer waits no longer; a time kept for them goes to the next."""
        return self._act(services.withdraw)

    @extend_schema(request=None, responses=EntrySerializer)
    @action(detail=True, methods=["post"])
    def accept(self, request: Request, pk: str) -> Response:
        """The customer takes the time that is kept for them, and has said so on the phone."""
        return self._act(services.accept_for_customer)

    def _act(self, service: Callable[[int], Entry]) -> Response:
        changed = obeying(service, self.get_object().pk)
        return Response(self.get_serializer(self.get_queryset().get(pk=changed.pk)).data)


@method_decorator(never_cache, name="dispatch")
class OfferPage(View):
    """Where the link in the text leads. Looking changes nothing, since scanners of links look as well."""

    http_method_names = ["get", "head", "post"]

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        offer = self._offer(token)
        if offer is None:
            return self._show(request, "unknown", 404)
        booking = offer.appointment
        if offer.is_open(database_now()):
            return self._show(request, "open", 200, offer)
        if offer.outcome == Offer.Outcome.ACCEPTED and booking and booking.status == Appointment.Status.BOOKED:
            return self._show(request, "accepted", 200, offer)
        if offer.outcome == Offer.Outcome.DECLINED:
            return self._show(request, "declined", 200)
        return self._show(request, "over", 410)

    def post(self, request: HttpRequest, token: str) -> HttpResponse:
        offer_id = links.offer_id_of(token)
        answer = {"accept": services.accept, "decline": services.decline}.get(request.POST.get("answer", ""))
        if offer_id is None or answer is None:
            return self._show(request, "unknown", 404 if offer_id is None else 400)
        try:
            answer(offer_id)
        except (Offer.DoesNotExist, NotOffered):
            pass  # the page that follows says so
        except RuleBroken:
            return self._show(request, "refused", 409)
        return HttpResponseRedirect(request.path, status=303)

    def _offer(self, token: str) -> Offer | None:
        offers = Offer.objects.select_related("appointment__salon", "appointment__user")
        return offers.filter(pk=links.offer_id_of(token) or 0).first()

    def _show(self, request: HttpRequest, state: str, status: int, offer: Offer | None = None) -> HttpResponse:
        """Only a page of a time that is the customer's says anything of it."""
        context: dict[str, Any] = {"state": state}
        if offer is not None and offer.appointment is not None:
            zone = offer.appointment.salon.zone
            context |= {
                "booking": offer.appointment,
                "starts_at": offer.appointment.appointment_time.astimezone(zone),
                "kept_until": offer.expires_at.astimezone(zone),
            }
        response = render(request, "waitlist/offer.html", context, status=status)
        response["X-Robots-Tag"] = "noindex"
        return response
