"""Booking a visit: the dialog, what it would text, and whom it is for."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from phonenumber_field.phonenumber import to_python

from appointment import foresight
from appointment.models import Appointment
from appointment.serializers import AppointmentSerializer
from customer.filters import CustomerFilter
from customer.models import Customer
from customer.serializers import CustomerSerializer
from salon.models import Salon
from schedule.models import Service
from sms import opt_outs
from web import forms, once
from web.answers import done, refusal
from web.board import columns_to_choose
from web.desk import of_salon, page, staff_of
from web.forms import Refused

SUGGESTIONS = 8
USUAL_MINUTES = 45
FIRST_OF_THE_DAY = "09:00"


@require_http_methods(["GET", "HEAD", "POST"])
@of_salon
def book(request: HttpRequest, salon: Salon) -> HttpResponse:
    """The dialog; posted, it books, or comes back with all that was typed and what is wrong."""
    if request.method != "POST":
        return page(request, salon, "web/book.html", _choices(salon) | _wanted(request, salon))
    try:
        booking_id = once.once(request, lambda: _book(request, salon).pk)
    except Refused as refused:
        context = _choices(salon) | _typed(request, salon, refused) | refusal(request, salon, refused)
        return page(request, salon, "web/book.html", context, status=refused.status)
    booking = Appointment.objects.filter(salon=salon, pk=booking_id).select_related("customer").first()
    if booking is None:  # the form was sent again, long after
        return done(request, gettext("It was booked, and has been deleted since."), to=("web:day", salon.pk))
    message = gettext("Booked: %(name)s, %(at)s.") % {"name": booking.customer, "at": _at(booking, salon)}
    return done(request, message, to=("web:visit", salon.pk, booking.pk))


@require_POST
@of_salon
def book_texts(request: HttpRequest, salon: Salon) -> HttpResponse:
    """Which texts the booking in the form would send, word for word, or why it would be refused."""
    if _is_unfinished(request):
        return page(request, salon, "web/parts/foreseen.html", {"is_unfinished": True})
    try:
        foreseen = foresight.foresee(lambda: _book(request, salon))
    except Refused as refused:
        context = {"form": request.POST.dict()} | refusal(request, salon, refused)
        return page(request, salon, "web/parts/foreseen.html", context)
    return page(request, salon, "web/parts/foreseen.html", {"foreseen": foreseen, "form": request.POST.dict()})


@transaction.atomic
def _book(request: HttpRequest, salon: Salon) -> Appointment:
    """A new customer and their booking, both or neither. Raises: Refused."""
    fields = {**forms.booking_fields(request.POST, salon), "customer": forms.customer_of(request, salon)}
    booking: Appointment = forms.save(AppointmentSerializer(data=fields, context={"request": request}))
    return booking


def _is_unfinished(request: HttpRequest) -> bool:
    """Is it too early to tell what is wrong?"""
    posted = request.POST
    names = ("phone_number",) if posted.get("who") == "new" else ("customer",)
    return not all(posted.get(name, "").strip() for name in (*names, "date", "time"))


def _choices(salon: Salon) -> dict[str, Any]:
    return {
        "services": list(Service.objects.filter(salon=salon, is_active=True)),
        "people": list(salon.staff.filter(is_active=True)),
        "chairs": columns_to_choose(salon, 0),
    }


def _wanted(request: HttpRequest, salon: Salon) -> dict[str, Any]:
    """What the form begins with: the slot that was clicked, the visit that is to be had again."""
    asked = request.GET
    soon = timezone.now().astimezone(salon.zone) + timedelta(minutes=30)
    today = soon.date().isoformat()
    on = asked.get("date") or today
    next_quarter = f"{soon.hour:02}:{soon.minute // 15 * 15:02}"
    form: dict[str, Any] = {
        "date": on,
        "time": asked.get("time") or (next_quarter if on == today else FIRST_OF_THE_DAY),
        "minutes": asked.get("minutes") or str(USUAL_MINUTES),
        "column_id": asked.get("column_id", ""),
        "user": str(staff_of(request).pk),
        "who": "known",
        "once": once.new_key(),
    }
    again = Appointment.objects.filter(salon=salon, pk=forms.key(asked.get("again", "")) or 0)
    for visit in again.select_related("customer").with_booked():
        length = (visit.end_time or visit.appointment_time + timedelta(minutes=USUAL_MINUTES)) - visit.appointment_time
        form |= {
            "column_id": str(visit.column_id),
            "user": str(visit.user_id),
            "services": [str(service.pk) for service in visit.services],
            "minutes": str(round(length.total_seconds() / 60)),
            "comment": visit.comment,
        }
        return {"form": form, "customer": visit.customer}
    return {"form": form, "customer": _customer(salon, asked.get("customer", ""))}


def _typed(request: HttpRequest, salon: Salon, refused: Refused) -> dict[str, Any]:
    form = {**request.POST.dict(), "services": request.POST.getlist("services")}
    form["once"] = once.new_key() if isinstance(refused, once.AlreadyDone) else once.key_of(request)
    return {"form": form, "customer": _customer(salon, request.POST.get("customer", ""))}


def _customer(salon: Salon, text: str) -> Customer | None:
    return Customer.objects.filter(salons=salon, pk=forms.key(text) or 0).first()


def _at(booking: Appointment, salon: Salon) -> str:
    return date_format(booking.appointment_time.astimezone(salon.zone), gettext("D j M \\a\\t H:i"))


# --- Whom it is for -----------------------------------------------------------------------------------


@require_safe
@of_salon
def suggest(request: HttpRequest, salon: Salon) -> HttpResponse:
    """Customers whose name or number holds what was typed."""
    typed = request.GET.get("search", "").strip()[:120]
    found = list(_search(request, salon, typed)[:SUGGESTIONS]) if typed else []
    opted_out = opt_outs.among([str(customer.phone_number) for customer in found])
    people = [(customer, str(customer.phone_number) in opted_out) for customer in found]
    return page(request, salon, "web/parts/suggestions.html", {"people": people, "typed": typed})


def _search(request: HttpRequest, salon: Salon, typed: str) -> Any:
    customers = Customer.objects.filter(salons=salon)
    return CustomerFilter({"search": typed}, queryset=customers, request=request).qs


@require_POST
@of_salon
def check_number(request: HttpRequest, salon: Salon) -> HttpResponse:
    """Can this number get texts, and is it free?"""
    typed = request.POST.get("phone_number", "").strip()
    if not typed:
        return HttpResponse("")
    fields = {"phone_number": typed, "full_name": "", "salon_ids": [salon.pk]}
    serializer = CustomerSerializer(data=fields, context={"request": request})
    context: dict[str, Any] = {"is_booking": "booking" in request.GET}
    if not serializer.is_valid():
        context["problem"] = " ".join(map(str, serializer.errors.get("phone_number", [gettext("Check the number.")])))
    else:
        number = to_python(serializer.validated_data["phone_number"])
        context["number"] = number
        others = Customer.objects.filter(salons=salon, phone_number=number)
        context["taken_by"] = others.exclude(pk=forms.key(request.GET.get("person", "")) or 0).first()
    return page(request, salon, "web/parts/number.html", context)
