"""The salon's settings, for its owners."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from salon.models import MAX_REMINDER_TIME_MINUTES, Salon
from salon.serializers import SalonSerializer
from salon.services import foresee_reminders
from salon.timezones import known_timezones
from schedule.models import Chair, Service, WorkingHours
from user.serializers import RegisterSerializer
from web import forms
from web.answers import done
from web.desk import of_owner, page
from web.forms import Refused


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
        "weekdays": list(WEEKDAYS.items()),
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
    message = gettext("Saved.")
    if moved:
        words = ngettext("%(number)d reminder moved.", "%(number)d reminders moved.", moved)
        message = f"{message} {words % {'number': moved}}"
    return done(request, message, to=("web:settings", salon.pk))


@require_POST
@of_owner
def foresee_minutes(request: HttpRequest, salon: Salon) -> HttpResponse:
    """What other minutes would move."""
    minutes = forms.key(request.POST.get("reminder_time_minutes", ""))
    if minutes is None or minutes > MAX_REMINDER_TIME_MINUTES:
        words = gettext("Give whole minutes from 0 to %(most)d.")
        message = words % {"most": MAX_REMINDER_TIME_MINUTES}
        return page(request, salon, "web/parts/reminders.html", {"problem": message})
    moved, following = foresee_reminders(salon, minutes)
    return page(request, salon, "web/parts/reminders.html", {"moved": moved, "following": following})


# --- People ---------------------------------------------------------------------------------------------


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
    return done(request, gettext("%(name)s can log in now.") % {"name": person}, to=("web:settings", salon.pk))
