"""What a page's script is told after something was done."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, resolve_url
from django.utils.formats import date_format

from salon.models import Salon
from web.desk import staff_of
from web.forms import Refused

DONE = "desk:done"


def done(request: HttpRequest, message: str, *, to: Sequence[Any], part: str = "") -> HttpResponse:
    """Say what happened: in the page that is open, or, without its script, at the address ``to``.

    Args:
      part: the element to go to there, by its id.
    """
    if request.htmx:  # type: ignore[attr-defined]
        return HttpResponse(status=204, headers={"HX-Trigger": json.dumps({DONE: {"message": message}})})
    messages.success(request, message)
    return redirect(resolve_url(*to) + (f"#{part}" if part else ""))


def told(response: HttpResponse, message: str, tone: str = "good") -> HttpResponse:
    """Beside a new part of the page, say what happened, and let the day be drawn anew."""
    response["HX-Trigger"] = json.dumps({"desk:changed": {"message": message, "tone": tone}})
    return response


def slots_shown(salon: Salon, alternatives: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Free slots, as the API offers them, on the salon's clock."""
    names = dict(salon.staff.values_list("pk", "full_name")) if alternatives else {}
    shown = []
    for slot in alternatives:
        starts_at = datetime.fromisoformat(slot["starts_at"]).astimezone(salon.zone)
        shown.append(
            {
                "date": starts_at.date().isoformat(),
                "time": starts_at.strftime("%H:%M"),
                "label": date_format(starts_at, "D j M, H:i"),
                "user": slot["user"],
                "person": names.get(slot["user"], ""),
                "column_id": slot["column_ids"][0],
            }
        )
    return shown


def refusal(request: HttpRequest, salon: Salon, refused: Refused) -> dict[str, Any]:
    """For a form that comes back: what is wrong, and the ways on."""
    return {
        "refused": refused,
        "errors": refused.errors,
        "slots": slots_shown(salon, refused.alternatives),
        "may_overlap": bool(refused.codes & {"slot_taken", "person_taken"}),
        "may_leave_hours": bool(refused.codes & {"outside_working_hours", "time_off", "salon_closed"})
        and staff_of(request).owns(salon),
    }
