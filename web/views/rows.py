"""The lists of a salon's settings, row by row: chairs, services, hours, special hours, time off."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Model, RestrictedError
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from appointment.filters import local_today
from appointment.models import Appointment
from booking_api.errors import Conflict
from salon.models import Salon
from schedule.holidays import holidays_of
from schedule.models import Chair, Service, SpecialHours, TimeOff, WorkingHours
from schedule.serializers import (
    ChairSerializer,
    ServiceSerializer,
    SpecialHoursSerializer,
    TimeOffSerializer,
    WorkingHoursSerializer,
)
from web import forms
from web.answers import done
from web.desk import of_owner, page
from web.forms import Refused
from web.names import Words

# A form that says `all` has every field of the row, so that a box that is not posted is one that is not ticked.
ALL = "all"
WORKING_WEEK, EVERYBODY = "working-week", "everybody"
NUMBERS_OF_A_SERVICE = (
    "duration_minutes",
    "buffer_before_minutes",
    "buffer_after_minutes",
    "gap_after_minutes",
    "gap_minutes",
)
HOLIDAYS_AHEAD = timedelta(days=366)

Body = dict[str, Any]


@dataclass(frozen=True)
class Rows:
    """One of the lists.

    Attributes:
      bodies: what a posted form says, as the serializer takes it; several where one form makes several rows.
      as_form: a row as its form shows it.
      title: of a new row, and of one that is there.
      shown_at: the page and its part that lists them.
    """

    model: type[Any]
    serializer: type[Any]
    bodies: Callable[[QueryDict, Salon, Any], list[Body]]
    as_form: Callable[[Any], Body]
    title: tuple[Words, Words]
    shown_at: tuple[str, str]


# --- What forms post ------------------------------------------------------------------------------------


def _of_chair(posted: QueryDict, salon: Salon, row: Chair | None) -> list[Body]:
    body: Body = {"name": posted.get("name", "").strip()}
    if row is None:
        last = Chair.objects.filter(salon=salon).order_by("-column_id").first()
        places = Chair.objects.filter(salon=salon).order_by("-position").values_list("position", flat=True)
        body |= {"salon": salon.pk, "column_id": (last.column_id if last else 0) + 1}
        body["position"] = (places.first() or 0) + 1
    if ALL in posted:
        body |= {name: forms.keys(posted.getlist(name)) for name in ("people", "services")}
    return [body]


def _of_service(posted: QueryDict, salon: Salon, row: Service | None) -> list[Body]:
    body: Body = {
        "name": posted.get("name", "").strip(),
        "price": posted.get("price", "").strip() or None,
        "is_active": "is_active" in posted or (row is None and ALL not in posted),
    }
    for name in NUMBERS_OF_A_SERVICE:
        if name in posted or name == "duration_minutes":
            body[name] = _number(posted.get(name, ""))
    for name in ("colour", "currency"):
        if name in posted:
            body[name] = posted.get(name, "").strip()
    if ALL in posted:
        body["people"] = forms.keys(posted.getlist("people"))
    return [body if row else body | {"salon": salon.pk}]


def _number(text: str) -> Any:
    """What the serializer takes; what is no number is for it to refuse."""
    return 0 if text.strip() == "" else forms.key(text.strip())


def _of_hours(posted: QueryDict, salon: Salon, row: WorkingHours | None) -> list[Body]:
    body: Body = {
        "salon": salon.pk,
        "user": forms.key(posted.get("user", "")),
        "weekday": forms.key(posted.get("weekday", "")),
        "opens": posted.get("opens", ""),
        "closes": posted.get("closes", ""),
    }
    if ALL in posted:
        body |= {name: posted.get(name) or None for name in ("valid_from", "valid_until")}
    if row is None and posted.get("weekday") == WORKING_WEEK:
        return [body | {"weekday": day} for day in range(5)]
    return [body]


def _of_special_hours(posted: QueryDict, salon: Salon, row: SpecialHours | None) -> list[Body]:
    is_off = posted.get("kind") == "off"
    body: Body = {
        "salon": salon.pk,
        "user": forms.key(posted.get("user", "")),
        "date": posted.get("date", ""),
        "opens": None if is_off else posted.get("opens", ""),
        "closes": None if is_off else posted.get("closes", ""),
    }
    if row is None and posted.get("user") == EVERYBODY:
        return [body | {"user": person.pk} for person in salon.staff.filter(is_active=True)]
    return [body]


def _of_time_off(posted: QueryDict, salon: Salon, row: TimeOff | None) -> list[Body]:
    first_day = posted.get("first_day", "")
    return [
        {
            "salon": salon.pk,
            "user": forms.key_or_none(posted.get("user", "")),
            "first_day": first_day,
            "last_day": posted.get("last_day") or first_day,
            "begins": posted.get("begins") or None,
            "ends": posted.get("ends") or None,
            "is_yearly": "is_yearly" in posted,
            "reason": posted.get("reason", "").strip(),
        }
    ]


# --- What forms show ------------------------------------------------------------------------------------


def _chair_as_form(row: Chair) -> Body:
    return {
        "name": row.name,
        "people": _keys(row.people),
        "services": _keys(row.services),
    }


def _service_as_form(row: Service) -> Body:
    names = ("name", *NUMBERS_OF_A_SERVICE, "currency", "colour")
    form: Body = {name: str(getattr(row, name)) for name in names}
    return form | {
        "price": "" if row.price is None else str(row.price),
        "is_active": row.is_active,
        "people": _keys(row.people),
    }


def _hours_as_form(row: WorkingHours) -> Body:
    form: Body = {"user": str(row.user_id), "weekday": str(row.weekday)}
    return form | _times(row, "opens", "closes") | _days(row, "valid_from", "valid_until")


def _special_hours_as_form(row: SpecialHours) -> Body:
    form: Body = {"user": str(row.user_id), "kind": "off" if row.opens is None else "hours"}
    return form | _days(row, "date") | _times(row, "opens", "closes")


def _time_off_as_form(row: TimeOff) -> Body:
    form: Body = {"user": str(row.user_id or ""), "is_yearly": row.is_yearly, "reason": row.reason}
    return form | _days(row, "first_day", "last_day") | _times(row, "begins", "ends")


def _keys(related: Any) -> list[str]:
    return [str(pk) for pk in related.values_list("pk", flat=True)]


def _times(row: Any, *names: str) -> Body:
    return {name: f"{value:%H:%M}" if (value := getattr(row, name)) is not None else "" for name in names}


def _days(row: Any, *names: str) -> Body:
    return {name: value.isoformat() if (value := getattr(row, name)) is not None else "" for name in names}


SETTINGS, DAYS_OFF = "web:settings", "web:days_off"
LISTS = {
    "chairs": Rows(
        Chair, ChairSerializer, _of_chair, _chair_as_form, (_("New chair"), _("Chair")), shown_at=(SETTINGS, "chairs")
    ),
    "services": Rows(
        Service,
        ServiceSerializer,
        _of_service,
        _service_as_form,
        (_("New service"), _("Service")),
        shown_at=(SETTINGS, "services"),
    ),
    "hours": Rows(
        WorkingHours,
        WorkingHoursSerializer,
        _of_hours,
        _hours_as_form,
        (_("New hours"), _("Hours")),
        shown_at=(SETTINGS, "hours"),
    ),
    "special-hours": Rows(
        SpecialHours,
        SpecialHoursSerializer,
        _of_special_hours,
        _special_hours_as_form,
        (_("Other hours on a date"), _("Other hours on a date")),
        shown_at=(DAYS_OFF, "special-hours"),
    ),
    "time-off": Rows(
        TimeOff,
        TimeOffSerializer,
        _of_time_off,
        _time_off_as_form,
        (_("Time off, or closed"), _("Time off, or closed")),
        shown_at=(DAYS_OFF, "time-off"),
    ),
}
NEW: dict[str, Body] = {
    "services": {"duration_minutes": "45", "is_active": True, "currency": "GBP"},
    "hours": {"opens": "09:00", "closes": "17:00"},
    "special-hours": {"kind": "hours", "opens": "09:00", "closes": "17:00"},
}


# --- Views ----------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@of_owner
def row(request: HttpRequest, salon: Salon, what: str, row_id: int | None = None) -> HttpResponse:
    """The form of a row, or of a new one; posted, it is saved, moved (``move``) or removed (``delete``)."""
    rows = LISTS.get(what)
    if rows is None:
        raise Http404
    found = get_object_or_404(rows.model, pk=row_id, salon=salon) if row_id else None
    if request.method != "POST":
        form = rows.as_form(found) if found else {**NEW.get(what, {}), **request.GET.dict()}
        return _show(request, salon, what, found, form)
    try:
        if found is not None and "delete" in request.POST:
            message = forms.obey(lambda: _delete(found))
        elif isinstance(found, Chair) and "move" in request.POST:
            message = forms.obey(lambda: _move(request, salon, found))
        else:
            message = forms.obey(lambda: _save(request, salon, rows, found))
    except Refused as refused:
        return _show(request, salon, what, found, _typed(request.POST), refused)
    name, part = rows.shown_at
    return done(request, message, to=(name, salon.pk), part=f"chair-{row_id}" if "move" in request.POST else part)


def _typed(posted: QueryDict) -> Body:
    return {**posted.dict(), "people": posted.getlist("people"), "services": posted.getlist("services")}


def _show(
    request: HttpRequest, salon: Salon, what: str, found: Any, form: Body, refused: Refused | None = None
) -> HttpResponse:
    rows = LISTS[what]
    context = {
        "what": what,
        "row": found,
        "form": form,
        "title": rows.title[0] if found is None else rows.title[1],
        "fields": f"web/rows/{what}.html",
        "back": rows.shown_at,
        "refused": refused,
        "errors": refused.errors if refused else {},
        "people": list(salon.staff.filter(is_active=True)),
        "services": list(Service.objects.filter(salon=salon, is_active=True)) if what == "chairs" else [],
        "weekdays": list(WEEKDAYS.items()),
    }
    return page(request, salon, "web/row.html", context, status=refused.status if refused else 200)


def _save(request: HttpRequest, salon: Salon, rows: Rows, found: Model | None) -> str:
    saved = []
    for body in rows.bodies(request.POST, salon, found):
        serializer = rows.serializer(found, data=body, partial=found is not None, context={"request": request})
        serializer.is_valid(raise_exception=True)
        saved.append(serializer.save())
    return " ".join([gettext("Saved."), *(_visits_within(row) for row in saved if isinstance(row, TimeOff))]).strip()


def _visits_within(away: TimeOff) -> str:
    """Visits that are booked in a time off already: they stay, and somebody has to look at them."""
    zone = away.salon.zone
    begins = datetime.combine(away.first_day, away.begins or datetime.min.time(), zone)
    is_whole_day = away.ends is None or away.ends == datetime.min.time()
    last = away.last_day + timedelta(days=1) if is_whole_day else away.last_day
    ends = datetime.combine(last, datetime.min.time() if is_whole_day else away.ends, zone)  # type: ignore[arg-type]
    visits = Appointment.objects.ahead().filter(
        salon=away.salon, appointment_time__lt=ends, appointment_time__gte=begins
    )
    number = (visits.filter(user=away.user) if away.user else visits).count()
    words = ngettext(
        "%(number)d visit booked then stays: move or cancel it by hand.",
        "%(number)d visits booked then stay: move or cancel them by hand.",
        number,
    )
    return words % {"number": number} if number else ""


def _delete(found: Any) -> str:
    try:
        found.delete()
    except RestrictedError as error:
        raise Conflict(gettext("It has been booked. Switch it off instead."), code="in_use") from error
    return gettext("Removed.")


def _move(request: HttpRequest, salon: Salon, chair: Chair) -> str:
    """One place to the left or to the right; all get their places anew, since several may share one."""
    chairs = list(Chair.objects.select_for_update().filter(salon=salon))
    at = next(number for number, other in enumerate(chairs) if other.pk == chair.pk)
    to = at + (-1 if request.POST["move"] == "up" else 1)
    if 0 <= to < len(chairs):
        chairs[at], chairs[to] = chairs[to], chairs[at]
    for place, other in enumerate(chairs, start=1):
        if other.position != place:
            serializer = ChairSerializer(other, data={"position": place}, partial=True, context={"request": request})
            serializer.is_valid(raise_exception=True)
            serializer.save()
    place = min(max(to, 0), len(chairs) - 1) + 1
    return gettext("%(chair)s is number %(place)d now.") % {"chair": chair.name, "place": place}


# --- Days off -------------------------------------------------------------------------------------------


@require_safe
@of_owner
def days_off(request: HttpRequest, salon: Salon) -> HttpResponse:
    """Closures, people's time off, other hours on a date, and the public holidays that are coming."""
    today = local_today(salon)
    away = TimeOff.objects.filter(salon=salon).select_related("user")
    special = SpecialHours.objects.filter(salon=salon, date__gte=today).select_related("user")
    context = {
        "time_off": [row for row in away if row.is_yearly or row.last_day >= today],
        "special_hours": special.order_by("date", "user", "opens"),
        "holidays": _holidays_ahead(salon, today),
    }
    return page(request, salon, "web/days_off.html", context)


def _holidays_ahead(salon: Salon, today: date) -> list[Any]:
    found = [*holidays_of(salon, today.year), *holidays_of(salon, today.year + 1)]
    return [holiday for holiday in found if today <= holiday.date <= today + HOLIDAYS_AHEAD]


@require_POST
@of_owner
def close_on_holidays(request: HttpRequest, salon: Salon) -> HttpResponse:
    """Close on the public holidays that were ticked, each for its one day."""
    chosen = set(request.POST.getlist("date"))
    wanted = [
        holiday
        for holiday in _holidays_ahead(salon, local_today(salon))
        if holiday.date.isoformat() in chosen and not holiday.is_closed
    ]

    def act() -> list[str]:
        told = []
        for holiday in wanted:
            day = holiday.date.isoformat()
            body = {"salon": salon.pk, "first_day": day, "last_day": day, "reason": holiday.name[:120]}
            serializer = TimeOffSerializer(data=body, context={"request": request})
            serializer.is_valid(raise_exception=True)
            told.append(_visits_within(serializer.save()))
        return [words for words in told if words]

    told = forms.obey(act)
    words = ngettext("Closed on %(number)d day.", "Closed on %(number)d days.", len(wanted))
    message = words % {"number": len(wanted)} if wanted else gettext("None was chosen.")
    return done(request, " ".join([message, *told]), to=(DAYS_OFF, salon.pk), part="time-off")
