"""The salon's settings, for its owners."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import Model, RestrictedError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from booking_api.errors import Conflict
from salon.models import MAX_REMINDER_TIME_MINUTES, Salon
from salon.serializers import SalonSerializer
from salon.services import foresee_reminders
from salon.timezones import known_timezones
from schedule.models import Chair, Service, WorkingHours
from schedule.serializers import ChairSerializer, ServiceSerializer, WorkingHoursSerializer
from user.serializers import RegisterSerializer
from web import forms
from web.answers import done
from web.desk import of_owner, page
from web.forms import Refused

WEEKDAYS = WorkingHours.Weekday.choices


@require_safe
@of_owner
def settings(request: HttpRequest, salon: Salon) -> HttpResponse:
    return _show(request, salon)


def _show(request: HttpRequest, salon: Salon, *, status: int = 200, **more: Any) -> HttpResponse:
    people = list(salon.staff.filter(is_active=True))
    hours = list(WorkingHours.objects.filter(salon=salon).order_by("user", "weekday", "opens"))
    context = {
        "form": {
            "name": salon.name,
            "phone_number": str(salon.phone_number),
            "timezone": salon.timezone,
            "reminder_time_minutes": salon.reminder_time_minutes,
            "late_cancel_hours": salon.late_cancel_hours,
        },
        "zones": sorted(known_timezones()),
        "chairs": list(Chair.objects.filter(salon=salon)),
        "services": list(Service.objects.filter(salon=salon)),
        "people": [(person, [row for row in hours if row.user_id == person.pk]) for person in people],
        "weekdays": WEEKDAYS,
        **more,
    }
    return page(request, salon, "web/settings.html", context, status=status)


@require_POST
@of_owner
def save_salon(request: HttpRequest, salon: Salon) -> HttpResponse:
    names = ("name", "phone_number", "timezone")
    fields: dict[str, Any] = {name: request.POST.get(name, "").strip() for name in names}
    fields |= {name: forms.key(request.POST.get(name, "")) for name in ("reminder_time_minutes", "late_cancel_hours")}
    try:
        saved: Salon = forms.save(SalonSerializer(salon, data=fields, partial=True, context={"request": request}))
    except Refused as refused:
        more = {"form": request.POST.dict(), "errors": refused.errors, "refused": refused}
        return _show(request, salon, status=refused.status, **more)
    moved = saved.reminders_moved
    message = "Saved." if not moved else f"Saved. {_count(moved, 'reminder')} moved."
    return done(request, message, to=("web:settings", salon.pk))


@require_POST
@of_owner
def foresee_minutes(request: HttpRequest, salon: Salon) -> HttpResponse:
    """What other minutes would move."""
    minutes = forms.key(request.POST.get("reminder_time_minutes", ""))
    if minutes is None or minutes > MAX_REMINDER_TIME_MINUTES:
        message = f"Give whole minutes from 0 to {MAX_REMINDER_TIME_MINUTES:,}."
        return page(request, salon, "web/parts/reminders.html", {"problem": message})
    moved, following = foresee_reminders(salon, minutes)
    return page(request, salon, "web/parts/reminders.html", {"moved": moved, "following": following})


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


# --- Rows of the lists: chairs, services, hours, people ----------------------------------------------------


def _chair(request: HttpRequest, salon: Salon, row: Chair | None) -> dict[str, Any]:
    fields: dict[str, Any] = {"name": request.POST.get("name", "").strip()}
    if row is None:
        taken = Chair.objects.filter(salon=salon).order_by("-column_id").values_list("column_id", flat=True).first()
        fields |= {"salon": salon.pk, "column_id": (taken or 0) + 1, "position": (taken or 0) + 1}
    return fields


def _service(request: HttpRequest, salon: Salon, row: Service | None) -> dict[str, Any]:
    posted = request.POST
    fields: dict[str, Any] = {
        "name": posted.get("name", "").strip(),
        "duration_minutes": forms.key(posted.get("duration_minutes", "")),
        "price": posted.get("price", "").strip() or None,
        "colour": posted.get("colour", "").strip(),
        "is_active": row is None or "is_active" in posted,
    }
    return fields if row else fields | {"salon": salon.pk}


def _hours(request: HttpRequest, salon: Salon, row: WorkingHours | None) -> dict[str, Any]:
    posted = request.POST
    return {
        "salon": salon.pk,
        "user": forms.key(posted.get("user", "")),
        "weekday": forms.key(posted.get("weekday", "")),
        "opens": posted.get("opens", ""),
        "closes": posted.get("closes", ""),
    }


class _Rows:
    """One of the lists: its model, the API's serializer, and what a posted row says to that."""

    def __init__(self, model: type[Any], serializer: type[Any], fields: Callable[..., dict[str, Any]], noun: str):
        self.model, self.serializer, self.fields, self.noun = model, serializer, fields, noun


ROWS = {
    "chairs": _Rows(Chair, ChairSerializer, _chair, "The chair"),
    "services": _Rows(Service, ServiceSerializer, _service, "The service"),
    "hours": _Rows(WorkingHours, WorkingHoursSerializer, _hours, "The hours"),
}


@require_POST
@of_owner
def save_row(request: HttpRequest, salon: Salon, what: str, row_id: int | None = None) -> HttpResponse:
    """Add a row to one of the lists, change one, or, with ``delete``, remove it."""
    rows = ROWS.get(what)
    if rows is None:
        raise Http404
    row = get_object_or_404(rows.model, pk=row_id, salon=salon) if row_id else None
    try:
        if row is not None and "delete" in request.POST:
            forms.obey(lambda: _delete(row))
        else:
            _save(request, salon, rows, row)
    except Refused as refused:
        return _show(request, salon, status=refused.status, refused=refused, refused_in=what, refused_row=row_id)
    return done(request, f"{rows.noun}: saved.", to=("web:settings", salon.pk))


def _save(request: HttpRequest, salon: Salon, rows: _Rows, row: Model | None) -> None:
    every_day = rows.model is WorkingHours and request.POST.get("weekday") == "working-week"
    bodies = [rows.fields(request, salon, row)]
    if every_day:
        bodies = [bodies[0] | {"weekday": day} for day in range(5)]
    context = {"request": request}

    def act() -> None:
        for body in bodies:
            serializer = rows.serializer(row, data=body, partial=row is not None, context=context)
            serializer.is_valid(raise_exception=True)
            serializer.save()

    forms.obey(act)


def _delete(row: Any) -> None:
    try:
        row.delete()
    except RestrictedError as error:
        raise Conflict("It has been booked. Switch it off instead.", code="in_use") from error


@require_http_methods(["POST"])
@of_owner
def add_person(request: HttpRequest, salon: Salon) -> HttpResponse:
    """A new member of staff, with a first password that the owner tells them."""
    names = ("email", "full_name", "phone_number", "password1", "password2")
    fields: dict[str, Any] = {name: request.POST.get(name, "") for name in names}
    fields["salons"] = [salon.pk]
    try:
        person = forms.save(RegisterSerializer(data=fields, context={"request": request}))
    except Refused as refused:
        more = {"new_person": request.POST.dict(), "person_errors": refused.errors, "refused": refused}
        return _show(request, salon, status=refused.status, refused_in="staff", **more)
    return done(request, f"{person} can log in now.", to=("web:settings", salon.pk))
