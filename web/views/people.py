"""Customers: found, looked at, added, changed."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_safe

from appointment.models import Appointment
from customer.duplicates import likely_duplicates
from customer.filters import CustomerFilter
from customer.models import Customer
from customer.serializers import CustomerSerializer
from salon.models import Salon
from sms import opt_outs
from sms.models import InboundMessage, Message
from web import forms
from web.answers import done
from web.desk import of_salon, page, staff_of
from web.forms import Refused
from web.text_states import told
from web.views.texts import with_words

PEOPLE_A_PAGE = 30
MOST_VISITS, MOST_TEXTS = 50, 30


@require_safe
@of_salon
def people(request: HttpRequest, salon: Salon) -> HttpResponse:
    typed = request.GET.get("search", "").strip()[:120]
    found = CustomerFilter({"search": typed}, queryset=Customer.objects.filter(salons=salon), request=request).qs
    shown = Paginator(found.order_by("full_name", "id"), PEOPLE_A_PAGE).get_page(request.GET.get("page"))
    opted_out = opt_outs.among([str(customer.phone_number) for customer in shown])
    rows = [(customer, str(customer.phone_number) in opted_out) for customer in shown]
    context = {"rows": rows, "page": shown, "typed": typed}
    return page(request, salon, "web/people.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@of_salon
def new_person(request: HttpRequest, salon: Salon) -> HttpResponse:
    if request.method != "POST":
        return page(request, salon, "web/new_person.html", {"form": {}})
    fields = {**_fields(request), "salon_ids": [salon.pk]}
    try:
        customer = forms.save(CustomerSerializer(data=fields, context={"request": request}))
    except Refused as refused:
        context = {"form": request.POST.dict(), "errors": refused.errors, "refused": refused}
        return page(request, salon, "web/new_person.html", context, status=refused.status)
    return done(request, gettext("%(name)s was added.") % {"name": customer}, to=("web:person", salon.pk, customer.pk))


@require_http_methods(["GET", "HEAD", "POST"])
@of_salon
def person(request: HttpRequest, salon: Salon, customer_id: int) -> HttpResponse:
    """A customer's visits and texts at this salon; posted, their name and number change."""
    of_this_salon = Customer.objects.filter(salons=salon).with_counts(staff_of(request))
    customer = get_object_or_404(of_this_salon, pk=customer_id)
    if request.method != "POST":
        return _show(request, salon, customer)
    serializer = CustomerSerializer(customer, data=_fields(request), partial=True, context={"request": request})
    try:
        forms.save(serializer)
    except Refused as refused:
        more = {"form": request.POST.dict(), "errors": refused.errors, "refused": refused}
        return _show(request, salon, customer, status=refused.status, **more)
    return done(request, gettext("Saved."), to=("web:person", salon.pk, customer.pk))


def _fields(request: HttpRequest) -> dict[str, Any]:
    return {name: request.POST.get(name, "").strip() for name in ("full_name", "phone_number")}


def _show(request: HttpRequest, salon: Salon, customer: Customer, *, status: int = 200, **more: Any) -> HttpResponse:
    number = str(customer.phone_number)
    visits = Appointment.objects.filter(salon=salon, customer=customer).select_related("user")
    texts = Message.objects.filter(customer_id=customer.pk, salon_id=salon.pk)
    replies = InboundMessage.objects.filter(in_reply_to__customer_id=customer.pk, in_reply_to__salon_id=salon.pk)
    context = {
        "customer": customer,
        "form": {"full_name": customer.full_name, "phone_number": number},
        "likely": likely_duplicates(customer, salon),
        "opted_out": opt_outs.is_opted_out(number),
        "visits": visits.with_booked().order_by("-appointment_time")[:MOST_VISITS],
        "texts": [told(text, words) for text, words in with_words(texts.order_by("-due_at", "-id")[:MOST_TEXTS])],
        "replies": replies[:MOST_TEXTS],
        **more,
    }
    return page(request, salon, "web/person.html", context, status=status)
