"""Errors of the API: one shape for all of them (drf-standardized-errors; docs/adr)."""

from __future__ import annotations

from typing import Any

import structlog
from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.db import DataError, IntegrityError, InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views import csrf, defaults
from drf_standardized_errors.handler import exception_handler as standard_handler
from rest_framework import status
from rest_framework.exceptions import APIException, ParseError, ValidationError
from rest_framework.response import Response

log = structlog.get_logger(__name__)

DATABASE_RETRY_SECONDS = 5


class TryLater(APIException):
    """A part that the request needs is away."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_code = "try_later"
    default_detail = "That cannot be done at the moment. Try again when Retry-After says."

    def __init__(self, wait: int = 60) -> None:
        super().__init__()
        self.wait = wait  # seconds, for Retry-After


class Conflict(APIException):
    """The request is well formed, but the state of things is against it."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "conflict"
    default_detail = "That is not possible at the moment."


# Database constraints that a client can run into when two requests race.
CONSTRAINTS: dict[str, APIException] = {
    "user_email_any_case": ValidationError({"email": ["There is a user with this e-mail address."]}, code="unique"),
    "user_extendeduser_email": ValidationError({"email": ["There is a user with this e-mail address."]}, code="unique"),
    "appointment_ends_after_it_begins": ValidationError(
        {"end_time": ["The end must be later than the beginning."]}, code="ends_before_it_begins"
    ),
    "appointment_no_overlap": Conflict(
        "The chair has just been taken at that time. Choose another time or chair, or allow the overlap.",
        code="slot_taken",
    ),
    "appointment_person_no_overlap": Conflict(
        "The person has just been taken at that time. Choose another time or person, or allow the overlap.",
        code="person_taken",
    ),
}


# What a value that no column, clock or stack can hold ends in, wherever it was used first.
OUT_OF_RANGE = (DataError, OverflowError, RecursionError, SuspiciousOperation, UnicodeError)


def exception_handler(error: Exception, context: Any) -> Response | None:
    if isinstance(error, IntegrityError):
        error = known_constraint(error)
    elif isinstance(error, (OperationalError, InterfaceError)):  # away, restarting, or two requests in each other's way
        log.error("database_does_not_answer", exc_info=error)
        error = TryLater(wait=DATABASE_RETRY_SECONDS)
    elif isinstance(error, OUT_OF_RANGE):
        log.warning("value_out_of_range", exc_info=error)
        error = ParseError("A value in the request is out of range.", code="out_of_range")
    response = standard_handler(error, context)
    extra = getattr(error, "extra", None)
    if response is not None and extra is not None:
        response.data |= extra()  # worked out only now, when the request's transaction and its locks are gone
    return response


def known_constraint(error: IntegrityError) -> Exception:
    """The API's error for a constraint that two requests at once can run into; any other comes back as it is."""
    return next((answer for name, answer in CONSTRAINTS.items() if name in str(error)), error)


# --- Outside of the API's views: addresses that nobody serves, faults in middleware -----------------------


def error_response(status_code: int, code: str, detail: str) -> JsonResponse:
    """An error in the API's shape, where Django REST framework is not at work."""
    kind = "client_error" if status_code < 500 else "server_error"
    return JsonResponse({"type": kind, "errors": [{"code": code, "detail": detail, "attr": None}]}, status=status_code)


def _is_page(request: HttpRequest) -> bool:
    return request.path == "/" or request.path.startswith(settings.PATHS_OF_PAGES)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if _is_page(request):
        return defaults.bad_request(request, exception)
    return error_response(400, "bad_request", "The request cannot be read.")


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    if _is_page(request):
        return defaults.permission_denied(request, exception)
    return error_response(403, "permission_denied", "That is not allowed.")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    if _is_page(request):
        return csrf.csrf_failure(request, reason)
    return error_response(403, "csrf_failed", f"CSRF Failed: {reason}")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if _is_page(request):
        return defaults.page_not_found(request, exception)
    return error_response(404, "not_found", "There is nothing at this address; those of the API end with a slash.")


def server_error(request: HttpRequest) -> HttpResponse:
    if _is_page(request):
        return defaults.server_error(request)
    return error_response(500, "error", "Server Error (500)")
