"""One visit: everything about it, and what can be done."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from appointment import due_texts, foresight, history, planning, services
from appointment.models import Appointment
from appointment.refusals import obeying_rules
from appointment.serializers import AppointmentSerializer
from salon.models import Salon
from schedule.models import Service
from sms import ledger, opt_outs
from sms.clock import database_now
from sms.models import Message
from web import forms
from web.answers import done, refusal, slots_shown, told
from web.board import columns_to_choose
from web.desk import of_salon, page
from web.forms import Refused
from web.names import Words
from web.text_states import GONE_OUT, Told
from web.text_states import told as told_of

Status = Appointment.Status
ACTS: dict[str, tuple[Callable[[int], Appointment], Words]] = {
    "arrive": (services.arrive, _("%(name)s has arrived.")),
    "start": (services.start, _("%(name)s is being served.")),
    "complete": (services.complete, _("%(name)s is done.")),
    "no-show": (services.note_no_show, _("%(name)s did not come.")),
    "rebook": (lambda booking_id: services.change(booking_id, status=Status.BOOKED), _("%(name)s is booked again.")),
}
# What the buttons offer, of what the rules allow.
OFFERED = {
    Status.BOOKED: ("arrive", "start", "complete", "no-show"),
    Status.ARRIVED: ("start", "complete", "no-show"),
    Status.IN_SERVICE: ("complete",),
    Status.NO_SHOW: ("arrive",),
}
ACT_LABELS = {"arrive": _("Arrived"), "start": _("Start"), "complete": _("Done"), "no-show": _("No-show")}


def _visit_of(salon: Salon, visit_id: int) -> Appointment:
    visits = Appointment.objects.filter(salon=salon).select_related("salon", "customer", "user")
    return get_object_or_404(visits.with_booked(), pk=visit_id)


@require_safe
@of_salon
def visit(request: HttpRequest, salon: Salon, visit_id: int) -> HttpResponse:
    return _show(request, salon, visit_id)


def _show(request: HttpRequest, salon: Salon, visit_id: int, *, status: int = 200, **more: Any) -> HttpResponse:
    booking = _visit_of(salon, visit_id)
    texts = list(Message.objects.filter(booking_id=booking.pk).order_by("created_at", "id").prefetch_related("replies"))
    is_opted_out = opt_outs.is_opted_out(str(booking.customer.phone_number))
    now = database_now()
    context = {
        "visit": booking,
        "minutes": _minutes(booking),
        "texts": [_story(text, booking, texts, is_opted_out, now) for text in texts],
        "is_opted_out": is_opted_out,
        "history": list(_entries(booking)),
        "acts": [(act, ACT_LABELS[act]) for act in OFFERED.get(Status(booking.status), ())],
        "may_cancel": booking.status in (Status.BOOKED, Status.ARRIVED),
        "may_change": booking.status in (Status.BOOKED, Status.ARRIVED, Status.IN_SERVICE),
        "may_rebook": booking.status == Status.CANCELLED and booking.appointment_time > now,
        "chair": next(
            chair.name for chair in columns_to_choose(salon, booking.column_id) if chair.column_id == booking.column_id
        ),
        **more,
    }
    return page(request, salon, "web/visit.html", context, status=status)


def _story(text: Message, booking: Appointment, texts: list[Message], is_opted_out: bool, now: datetime) -> Told:
    """A text may go again once it is settled, unless a newer one of its kind went out or waits."""
    newest = max((other.pk for other in texts if other.kind == text.kind), default=0)
    may_go_again = (
        text.pk == newest
        and not is_opted_out
        and text.status not in ledger.UNSETTLED
        and text.expires_at > now
        and booking.status == (Status.CANCELLED if text.kind == Message.Kind.CANCELLATION else Status.BOOKED)
        and text.visit_at == booking.appointment_time
    )
    words = due_texts.preview(text, booking) if text.status == Message.Status.PENDING else ""
    return told_of(text, words, may_go_again=may_go_again, is_opted_out=is_opted_out)


FIELD_NAMES = {
    "appointment_time": _("time"),
    "end_time": _("end"),
    "column_id": _("chair"),
    "column": _("chair"),
    "user": _("person"),
    "cancel_reason": _("reason"),
    "cancelled_by_customer": _("cancelled by the customer"),
    "allow_overlap": _("overlap allowed"),
    "allow_outside_hours": _("outside hours allowed"),
    "customer": _("customer"),
    "comment": _("comment"),
    "status": _("status"),
}
NOT_SHOWN = ("cancelled_at", "salon", "id")


def _entries(booking: Appointment) -> Any:
    people = dict(booking.salon.staff.values_list("pk", "full_name"))
    for entry in history.entries(booking.pk):
        changes = [
            {
                "name": FIELD_NAMES.get(change["field"], change["field"].replace("_", " ")),
                "old": people.get(change["old"], change["old"]) if change["field"] == "user" else change["old"],
                "new": people.get(change["new"], change["new"]) if change["field"] == "user" else change["new"],
            }
            for change in entry["changes"]
            if change["field"] not in NOT_SHOWN
        ]
        if changes or entry["action"] != "changed":
            yield {**entry, "changes": changes}


def _minutes(booking: Appointment) -> int | None:
    if booking.end_time is None:
        return None
    return round((booking.end_time - booking.appointment_time).total_seconds() / 60)


@require_POST
@of_salon
def act(request: HttpRequest, salon: Salon, visit_id: int) -> HttpResponse:
    """Arrived, start, done, no-show."""
    booking = _visit_of(salon, visit_id)
    if request.POST.get("act") not in ACTS:
        raise Http404
    service, words = ACTS[request.POST["act"]]
    try:
        forms.obey(partial(obeying_rules, service, booking.pk))
    except Refused as refused:
        return _show(request, salon, visit_id, status=refused.status, refused=refused)
    message = str(words) % {"name": booking.customer}
    if not request.htmx:  # type: ignore[attr-defined]
        return done(request, message, to=("web:visit", salon.pk, visit_id))
    return told(_show(request, salon, visit_id), message)


# --- Changing ---------------------------------------------------------------------------------------------


@require_POST
@of_salon
def move(request: HttpRequest, salon: Salon, visit_id: int) -> JsonResponse:
    """A visit dragged to another time or chair; with ``try`` only what that would send. JSON."""
    booking = _visit_of(salon, visit_id)
    is_trial = "try" in request.POST
    try:
        if is_trial:
            foreseen = foresight.foresee(partial(_move, request, salon, booking), booking.pk)
            return JsonResponse({"texts": [_foreseen(text) for text in foreseen], "customer": str(booking.customer)})
        moved = _move(request, salon, booking)
    except Refused as refused:
        answer = {"message": refused.message, "slots": slots_shown(salon, refused.alternatives)}
        return JsonResponse(answer, status=refused.status)
    return JsonResponse({"version": moved.modified.isoformat()})


@transaction.atomic
def _move(request: HttpRequest, salon: Salon, booking: Appointment) -> Appointment:
    """Raises:
    Refused: somebody else has changed it since the page was drawn, or a rule is broken.
    """
    current = Appointment.objects.select_for_update().filter(pk=booking.pk).first()
    if current is None or current.modified.isoformat() != request.POST.get("version"):
        raise Refused(409, {forms.WHOLE_FORM: [gettext("Somebody else has just changed this visit. Look again.")]})
    fields: dict[str, Any] = {"column_id": forms.key(request.POST.get("column_id", "")) or 0}
    fields |= forms.times(request.POST, salon)
    if "keep_end" in request.POST:  # it has none
        del fields["end_time"]
    serializer = AppointmentSerializer(booking, data=fields, partial=True, context={"request": request})
    moved: Appointment = forms.save(serializer)
    return moved


def _foreseen(text: foresight.Foreseen) -> dict[str, Any]:
    return {
        "kind": text.message.kind,
        "sent": text.is_sent,
        "now": text.message.due_at <= text.message.created_at,
        "body": text.body,
        "segments": text.segments,
        "optedOut": text.is_opted_out,
        "reason": text.message.reason,
    }


@require_http_methods(["GET", "HEAD", "POST"])
@of_salon
def change(request: HttpRequest, salon: Salon, visit_id: int) -> HttpResponse:
    """Everything about a visit but its customer, by form: what dragging does, for the keyboard."""
    booking = _visit_of(salon, visit_id)
    if request.method != "POST":
        return page(request, salon, "web/change.html", _change_context(salon, booking, _as_form(booking, salon)))
    try:
        _change(request, salon, booking)
    except Refused as refused:
        form = {**request.POST.dict(), "services": request.POST.getlist("services")}
        context = _change_context(salon, booking, form) | refusal(request, salon, refused)
        return page(request, salon, "web/change.html", context, status=refused.status)
    return done(
        request, gettext("Changed: %(name)s.") % {"name": booking.customer}, to=("web:visit", salon.pk, booking.pk)
    )


@require_POST
@of_salon
def change_texts(request: HttpRequest, salon: Salon, visit_id: int) -> HttpResponse:
    """Which texts the change in the form would send."""
    booking = _visit_of(salon, visit_id)
    try:
        foreseen = foresight.foresee(partial(_change, request, salon, booking), booking.pk)
    except Refused as refused:
        context = {"form": request.POST.dict()} | refusal(request, salon, refused)
        return page(request, salon, "web/parts/foreseen.html", context)
    context = {"foreseen": foreseen, "is_change": True, "form": request.POST.dict()}
    return page(request, salon, "web/parts/foreseen.html", context)


def _change(request: HttpRequest, salon: Salon, booking: Appointment) -> Appointment:
    fields = forms.booking_fields(request.POST, salon)
    del fields["salon"]
    if fields["services"] == [service.pk for service in booking.services]:
        del fields["services"]  # they keep the minutes and prices they were booked with
    serializer = AppointmentSerializer(booking, data=fields, partial=True, context={"request": request})
    changed: Appointment = forms.save(serializer)
    return changed


def _change_context(salon: Salon, booking: Appointment, form: dict[str, Any]) -> dict[str, Any]:
    booked = {service.pk for service in booking.services}
    offered = Service.objects.filter(salon=salon)
    return {
        "visit": booking,
        "form": form,
        "services": [service for service in offered if service.is_active or service.pk in booked],
        "people": list(salon.staff.filter(is_active=True)),
        "chairs": columns_to_choose(salon, booking.column_id),
    }


def _as_form(booking: Appointment, salon: Salon) -> dict[str, Any]:
    local = booking.appointment_time.astimezone(salon.zone)
    length = _minutes(booking)
    return {
        "date": local.date().isoformat(),
        "time": local.strftime("%H:%M"),
        "minutes": "" if length is None else str(length),
        "column_id": str(booking.column_id),
        "user": str(booking.user_id),
        "services": [str(service.pk) for service in booking.services],
        "comment": booking.comment,
        "allow_overlap": booking.allow_overlap,
        "allow_outside_hours": booking.allow_outside_hours,
    }


# --- Cancelling, and texts ------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@of_salon
def cancel(request: HttpRequest, salon: Salon, visit_id: int) -> HttpResponse:
    """Shows the text first; posted, it cancels."""
    booking = _visit_of(salon, visit_id)
    if request.method != "POST":
        try:
            foreseen = foresight.foresee(partial(_cancel, request, booking), booking.pk)
        except Refused as refused:
            return _show(request, salon, visit_id, status=refused.status, refused=refused)
        return page(request, salon, "web/cancel.html", {"visit": booking, "foreseen": foreseen})
    try:
        _cancel(request, booking)
    except Refused as refused:
        return _show(request, salon, visit_id, status=refused.status, refused=refused)
    message = gettext("Cancelled: %(name)s.") % {"name": booking.customer}
    if not request.htmx:  # type: ignore[attr-defined]
        return done(request, message, to=("web:visit", salon.pk, visit_id))
    return told(_show(request, salon, visit_id), message)


def _cancel(request: HttpRequest, booking: Appointment) -> Appointment:
    reason = request.POST.get("reason", "").strip()[:200]
    by_customer = request.POST.get("by_customer") == "on"
    cancelled: Appointment = forms.obey(
        partial(obeying_rules, services.cancel, booking.pk, reason=reason, by_customer=by_customer)
    )
    return cancelled


@require_POST
@of_salon
def send_again(request: HttpRequest, salon: Salon, visit_id: int, text_id: int) -> HttpResponse:
    """Plan a text of the visit once more; one that Twilio has accepted only after a second question."""
    booking = _visit_of(salon, visit_id)
    text = get_object_or_404(Message, pk=text_id, booking_id=booking.pk, salon_id=salon.pk)
    if text.status in GONE_OUT and "sure" not in request.POST:
        return _show(request, salon, visit_id, ask_again=text.pk)
    try:
        with transaction.atomic():
            planning.lock(booking)  # two who click at once are told of each other
            ledger.plan_again(text, database_now())
    except ledger.NotAgain as why:
        refused = Refused(409, {forms.WHOLE_FORM: [str(why)]})
        return _show(request, salon, visit_id, status=409, refused=refused)
    message = gettext("It goes out again now.")
    if not request.htmx:  # type: ignore[attr-defined]
        return done(request, message, to=("web:visit", salon.pk, visit_id))
    return told(_show(request, salon, visit_id), message)
