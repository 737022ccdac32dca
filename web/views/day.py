"""The front door, and the day."""

from __future__ import annotations

import hashlib
import json
from datetime import date, timedelta

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe
from rest_framework.exceptions import ValidationError

from appointment.day import day_of
from appointment.filters import check_days, local_today
from salon.models import Salon
from web import first_run
from web.board import board_of
from web.desk import counted, of_salon, page, staff_of

LAST_SALON = "last_salon"


@require_safe
@counted
@login_required
def front_door(request: HttpRequest) -> HttpResponse:
    """To the day of the salon that was looked at last."""
    visible = Salon.objects.visible_to(staff_of(request))
    last = visible.filter(pk=request.session.get(LAST_SALON, 0)).first() or visible.first()
    return redirect("web:day", last.pk) if last else render(request, "web/no_salon.html")


@require_safe
@of_salon
def day(request: HttpRequest, salon: Salon) -> HttpResponse:
    if request.session.get(LAST_SALON) != salon.pk:
        request.session[LAST_SALON] = salon.pk
    on = _day_asked(request, salon)
    today = local_today(salon)
    context = {
        "board": board_of(day_of(salon, on)),
        "on": on,
        "today": today,
        "earlier": on - timedelta(days=1),
        "later": on + timedelta(days=1),
        "steps": first_run.steps_of(salon),
    }
    return page(request, salon, "web/day.html", context)


@require_safe
@of_salon
def day_data(request: HttpRequest, salon: Salon) -> HttpResponse:
    """The day once more, for a page that is open; 304 while nothing has changed."""
    body = json.dumps(board_of(day_of(salon, _day_asked(request, salon))), separators=(",", ":"))
    etag = f'"{hashlib.sha256(body.encode()).hexdigest()[:32]}"'
    if etag in request.headers.get("If-None-Match", ""):
        return HttpResponseNotModified(headers={"ETag": etag})
    return HttpResponse(body, content_type="application/json", headers={"ETag": etag})


def _day_asked(request: HttpRequest, salon: Salon) -> date:
    """The day in the address; today where it names none that can be shown."""
    try:
        on = date.fromisoformat(request.GET.get("date", ""))
        check_days(date=on)
    except (ValueError, ValidationError):
        return local_today(salon)
    return on


def day_url(salon: Salon, on: date | str) -> str:
    return f"{reverse('day', args=[salon.pk])}?date={on}"
