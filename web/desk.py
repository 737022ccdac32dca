"""The frame of every staff page: who looks, at which salon, and what the frame itself shows."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, cast
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.gzip import gzip_page

from booking_api import rate_limits
from salon.models import Salon
from user.models import ExtendedUser

View = Callable[..., HttpResponse]
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def staff_of(request: HttpRequest) -> ExtendedUser:
    """Who looks; for views behind the login."""
    return cast(ExtendedUser, request.user)


def counted(view: View) -> View:
    """A page counts against the limits of the API, for its user and address; past them it says when to come back."""

    @wraps(view)
    def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        verdict = rate_limits.take(*rate_limits.limits_of(request, getattr(request.user, "caller_id", None)))
        if verdict is None or verdict.is_allowed:
            return view(request, *args, **kwargs)
        response = _too_many(request, verdict.wait_seconds)
        response["Retry-After"] = str(verdict.wait_seconds)
        for name, value in verdict.headers().items():
            response[name] = value
        return response

    return inner


def _too_many(request: HttpRequest, wait_seconds: int) -> HttpResponse:
    if "json" in request.headers.get("Accept", ""):
        words = gettext("Too many requests. Nothing was saved; try again in %(seconds)d s.")
        message = words % {"seconds": wait_seconds}
        return JsonResponse({"message": message}, status=429)
    return render(request, "429.html", {"wait_seconds": wait_seconds}, status=429)


def of_salon(view: View) -> View:
    """A page of one salon, on its clock: for its staff; to anybody else there is none."""

    @counted
    @wraps(view)
    def inner(request: HttpRequest, salon_id: int, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.user.is_authenticated:
            return _to_login(request)
        salon = get_object_or_404(Salon.objects.visible_to(staff_of(request)), pk=salon_id)
        with timezone.override(salon.zone):
            response = view(request, salon, *args, **kwargs)
        response.setdefault("Cache-Control", "private, no-cache")
        return response

    # Django pads the answer at random, and masks the CSRF token in it, so that its size tells nobody what it holds.
    return gzip_page(inner)


def _to_login(request: HttpRequest) -> HttpResponse:
    """A page goes to the login and comes back; a script's request must not get a page in place of its part."""
    if request.htmx or "json" in request.headers.get("Accept", ""):  # type: ignore[attr-defined]
        return HttpResponse(status=401, headers={"HX-Refresh": "true"})
    return redirect_to_login(request.get_full_path())


def of_owner(view: View) -> View:
    """A page for the salon's owners.

    Raises:
      PermissionDenied: somebody else of the salon asks.
    """

    @of_salon
    @wraps(view)
    def inner(request: HttpRequest, salon: Salon, *args: Any, **kwargs: Any) -> HttpResponse:
        if not staff_of(request).owns(salon):
            raise PermissionDenied
        return view(request, salon, *args, **kwargs)

    return inner


def page(
    request: HttpRequest, salon: Salon, template: str, context: dict[str, Any] | None = None, *, status: int = 200
) -> HttpResponse:
    """A page, or a part of one, with what the frame shows."""
    user = staff_of(request)
    frame: dict[str, Any] = {
        "salon": salon,
        "owns": user.is_superuser or user.is_owner,  # of a salon that they see
        "phones_url": phones_url(),
    }
    if not request.htmx:  # type: ignore[attr-defined]
        frame["salons"] = list(Salon.objects.visible_to(user)[:MOST_SALONS])
    return render(request, template, frame | (context or {}), status=status)


MOST_SALONS = 50


def phones_url() -> str:
    """Where the local Twilio shows its phones; empty where texts go to the real one."""
    return settings.TWILIO_BASE_URL if urlsplit(settings.TWILIO_BASE_URL).hostname in LOOPBACK else ""
