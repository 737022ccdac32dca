"""Lunch, a meeting: time in which a chair or a person serves nobody."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from appointment.models import Block
from appointment.serializers import BlockSerializer
from salon.models import Salon
from web import forms, once
from web.answers import done
from web.board import columns_to_choose
from web.desk import of_salon, page
from web.forms import Refused

USUAL_MINUTES = 60
LABELS = (_("Lunch"), _("Break"), _("Meeting"), _("Training"))


@require_http_methods(["GET", "HEAD", "POST"])
@of_salon
def new_block(request: HttpRequest, salon: Salon) -> HttpResponse:
    if request.method != "POST":
        asked = {name: request.GET.get(name, "") for name in ("date", "time", "minutes", "column_id")}
        return _show(request, salon, None, {**asked, "minutes": asked["minutes"] or str(USUAL_MINUTES)})
    try:
        once.once(request, lambda: _make(request, salon))
    except Refused as refused:
        return _show(request, salon, None, request.POST.dict(), refused)
    return done(request, gettext("The time is blocked."), to=("web:day", salon.pk))


@require_http_methods(["GET", "HEAD", "POST"])
@of_salon
def block(request: HttpRequest, salon: Salon, block_id: int) -> HttpResponse:
    """One block; posted, it changes, or with ``delete`` it goes."""
    row = get_object_or_404(Block.objects.select_related("salon"), pk=block_id, salon=salon)
    if request.method != "POST":
        return _show(request, salon, row, _as_form(row, salon))
    if "delete" in request.POST:
        row.delete()
        return done(request, gettext("The time is free again."), to=("web:day", salon.pk))
    try:
        forms.save(BlockSerializer(row, data=_fields(request, salon), partial=True, context={"request": request}))
    except Refused as refused:
        return _show(request, salon, row, request.POST.dict(), refused)
    return done(request, gettext("Saved."), to=("web:block", salon.pk, row.pk))


def _make(request: HttpRequest, salon: Salon) -> int:
    made: Block = forms.save(BlockSerializer(data=_fields(request, salon), context={"request": request}))
    return made.pk


def _fields(request: HttpRequest, salon: Salon) -> dict[str, Any]:
    """What the form says, as `BlockSerializer` takes it. Raises: Refused."""
    posted = request.POST
    times = forms.times(posted, salon)
    return {
        "salon": salon.pk,
        "label": posted.get("label", "").strip(),
        "column_id": forms.key_or_none(posted.get("column_id", "")),
        "user": forms.key_or_none(posted.get("user", "")),
        "starts_at": times["appointment_time"],
        "ends_at": times["end_time"],
    }


def _as_form(row: Block, salon: Salon) -> dict[str, Any]:
    local = row.starts_at.astimezone(salon.zone)
    return {
        "label": row.label,
        "date": local.date().isoformat(),
        "time": local.strftime("%H:%M"),
        "minutes": str(round((row.ends_at - row.starts_at).total_seconds() / 60)),
        "column_id": "" if row.column_id is None else str(row.column_id),
        "user": "" if row.user_id is None else str(row.user_id),
    }


def _show(
    request: HttpRequest, salon: Salon, row: Block | None, form: dict[str, Any], refused: Refused | None = None
) -> HttpResponse:
    is_done = isinstance(refused, once.AlreadyDone)
    context = {
        "blocked": row,
        "form": form | {"once": once.new_key() if is_done else once.key_of(request)},
        "refused": refused,
        "errors": refused.errors if refused else {},
        "chairs": columns_to_choose(salon, forms.key(form.get("column_id", "")) or 0),
        "people": list(salon.staff.filter(is_active=True)),
        "labels": LABELS,
    }
    return page(request, salon, "web/block.html", context, status=refused.status if refused else 200)
