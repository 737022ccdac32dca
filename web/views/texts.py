"""The salon's texts, failures first, and what customers replied."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.db.models import Case, IntegerField, Q, QuerySet, Value, When
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from appointment import due_texts
from appointment.filters import local_today
from appointment.models import Appointment
from customer.models import Customer
from salon.models import Salon
from sms.models import InboundMessage, Message
from web.desk import of_salon, page
from web.names import KINDS
from web.text_states import told

TEXTS_A_PAGE = 40
Status = Message.Status
STATES = {
    "failed": (_("Failed"), Q(status=Status.FAILED)),
    "planned": (_("Planned"), Q(status=Status.PENDING)),
    "sending": (_("On their way"), Q(status__in=(Status.SENDING, Status.UNKNOWN))),
    "sent": (_("Sent"), Q(status=Status.SENT)),
    "delivered": (_("Delivered"), Q(status=Status.DELIVERED)),
    "not-sent": (
        _("Not sent"),
        Q(status__in=(Status.SKIPPED, Status.CANCELLED, Status.SUPERSEDED, Status.EXPIRED)),
    ),
}
DAYS = {"week": _("Last and next 7 days"), "today": _("Today"), "tomorrow": _("Tomorrow"), "all": _("All")}


@require_safe
@of_salon
def texts(request: HttpRequest, salon: Salon) -> HttpResponse:
    state, kind = request.GET.get("state", ""), request.GET.get("kind", "")
    days = request.GET.get("days", "week") if request.GET.get("days") in DAYS else "week"
    found = _of_days(Message.objects.filter(salon_id=salon.pk), salon, days)
    if state in STATES:
        found = found.filter(STATES[state][1])
    if kind in Message.Kind.values:
        found = found.filter(kind=kind)
    shown = Paginator(_failures_first(found), TEXTS_A_PAGE).get_page(request.GET.get("page"))
    names = Customer.objects.in_bulk({text.customer_id for text in shown})
    context = {
        "rows": [(told(text, words), names.get(text.customer_id)) for text, words in with_words(shown)],
        "page": shown,
        "states": [(value, label) for value, (label, _) in STATES.items()],
        "kinds": KINDS.items(),
        "days": DAYS.items(),
        "chosen": {"state": state, "kind": kind, "days": days},
        "query": urlencode({"state": state, "kind": kind, "days": days}),
    }
    return page(request, salon, "web/texts.html", context)


def with_words(texts: Iterable[Message]) -> list[tuple[Message, str]]:
    """Each with what it would say, where it still waits; one query for them all."""
    texts = list(texts)
    waiting = [text.booking_id for text in texts if text.status == Status.PENDING]
    bookings = Appointment.objects.select_related("salon", "customer").in_bulk(waiting)
    return [
        (
            text,
            due_texts.preview(text, bookings[text.booking_id])
            if text.status == Status.PENDING and text.booking_id in bookings
            else "",
        )
        for text in texts
    ]


def _of_days(found: QuerySet[Message], salon: Salon, days: str) -> QuerySet[Message]:
    if days == "all":
        return found
    today = local_today(salon)
    first, last = {
        "week": (today - timedelta(days=7), today + timedelta(days=7)),
        "today": (today, today),
        "tomorrow": (today + timedelta(days=1),) * 2,
    }[days]
    begins = datetime.combine(first, time(), salon.zone)
    ends = datetime.combine(last + timedelta(days=1), time(), salon.zone)
    return found.filter(due_at__gte=begins, due_at__lt=ends)


def _failures_first(found: QuerySet[Message]) -> QuerySet[Message]:
    failures = Case(When(status=Status.FAILED, then=Value(0)), default=Value(1), output_field=IntegerField())
    return found.order_by(failures, "-due_at", "-id")


@require_safe
@of_salon
def replies(request: HttpRequest, salon: Salon) -> HttpResponse:
    """What customers wrote after a text of this salon, newest first."""
    found = InboundMessage.objects.filter(in_reply_to__salon_id=salon.pk).select_related("in_reply_to")
    shown = Paginator(found.order_by("-received_at", "-id"), TEXTS_A_PAGE).get_page(request.GET.get("page"))
    names: dict[int, Any] = Customer.objects.in_bulk(
        {reply.in_reply_to.customer_id for reply in shown if reply.in_reply_to}
    )
    rows = [(reply, names.get(reply.in_reply_to.customer_id) if reply.in_reply_to else None) for reply in shown]
    return page(request, salon, "web/replies.html", {"rows": rows, "page": shown})
