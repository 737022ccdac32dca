"""Two records of one customer: found, looked at side by side, made one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_safe

from appointment.models import Appointment
from customer.duplicates import likely_duplicates
from customer.filters import CustomerFilter
from customer.models import Customer
from customer.serializers import MergeSerializer
from salon.models import Salon
from sms import opt_outs
from sms.models import Message
from web import forms
from web.answers import done
from web.desk import of_salon, page, staff_of
from web.forms import Refused

SUGGESTIONS = 8
KEPT, OTHER = "kept", "other"


@dataclass(frozen=True)
class Side:
    """One of the two as the page shows it; ``which`` names it in the form."""

    which: str
    customer: Customer
    visits: int
    visits_ahead: int
    reminders: int
    is_opted_out: bool


@require_http_methods(["GET", "HEAD", "POST"])
@of_salon
def merge(request: HttpRequest, salon: Salon, customer_id: int) -> HttpResponse:
    """Whom with, then side by side; posted, the two become one."""
    kept = get_object_or_404(_customers(request, salon), pk=customer_id)
    given = request.POST if request.method == "POST" else request.GET
    other = _customers(request, salon).exclude(pk=kept.pk).filter(pk=forms.key(given.get("other", "")) or 0).first()
    if request.method != "POST" or other is None:
        return _show(request, salon, kept, other)
    try:
        merged = forms.save(_serializer(request, kept, other))
    except Refused as refused:
        return _show(request, salon, kept, other, status=refused.status, refused=refused)
    return done(
        request, gettext("%(name)s is one customer now.") % {"name": merged}, to=("web:person", salon.pk, kept.pk)
    )


def _customers(request: HttpRequest, salon: Salon) -> Any:
    return Customer.objects.filter(salons=salon).with_counts(staff_of(request))


def _serializer(request: HttpRequest, kept: Customer, other: Customer) -> MergeSerializer:
    sides = {KEPT: kept, OTHER: other}
    fields = {
        "other": other.pk,
        "full_name": sides.get(request.POST.get("name_of", ""), kept).full_name,
        "phone_number": str(sides.get(request.POST.get("number_of", ""), kept).phone_number),
    }
    return MergeSerializer(data=fields, context={"request": request, "customer": kept})


def _show(
    request: HttpRequest, salon: Salon, kept: Customer, other: Customer | None, *, status: int = 200, **more: Any
) -> HttpResponse:
    context: dict[str, Any] = {"customer": kept, "other": other, "form": request.POST.dict(), **more}
    if other is None:
        context["likely"] = likely_duplicates(kept, salon)
    else:
        context["sides"] = [_side(KEPT, kept, salon), _side(OTHER, other, salon)]
        context["one_opted_out"] = any(side.is_opted_out for side in context["sides"])
    return page(request, salon, "web/merge.html", context, status=status)


def _side(which: str, customer: Customer, salon: Salon) -> Side:
    visits = Appointment.objects.filter(customer=customer, salon=salon)
    waiting = Message.objects.filter(customer_id=customer.pk, salon_id=salon.pk, status=Message.Status.PENDING)
    return Side(
        which=which,
        customer=customer,
        visits=visits.count(),
        visits_ahead=visits.ahead().count(),
        reminders=waiting.filter(kind=Message.Kind.REMINDER).count(),
        is_opted_out=opt_outs.is_opted_out(str(customer.phone_number)),
    )


@require_safe
@of_salon
def suggest_twin(request: HttpRequest, salon: Salon, customer_id: int) -> HttpResponse:
    """Customers whose name or number holds what was typed, as ways on to the comparison."""
    kept = get_object_or_404(_customers(request, salon), pk=customer_id)
    typed = request.GET.get("search", "").strip()[:120]
    others = Customer.objects.filter(salons=salon).exclude(pk=kept.pk)
    found = CustomerFilter({"search": typed}, queryset=others, request=request).qs[:SUGGESTIONS] if typed else []
    return page(request, salon, "web/parts/twins.html", {"customer": kept, "found": list(found), "typed": typed})
