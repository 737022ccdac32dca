"""Errors of the API: one shape for all of them (drf-standardized-errors; docs/adr)."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError
from drf_standardized_errors.handler import exception_handler as standard_handler
from rest_framework import status
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.response import Response


class TryLater(APIException):
    """A part that the request needs is away."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_code = "try_later"
    default_detail = "That cannot be done at the moment. Try again in a minute."
    wait = 60


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
        "The column has just been taken at that time. Choose another time or column, or allow the overlap.",
        code="slot_taken",
    ),
}


def exception_handler(error: Exception, context: Any) -> Response | None:
    if isinstance(error, IntegrityError):
        error = _known_constraint(error)
    return standard_handler(error, context)


def _known_constraint(error: IntegrityError) -> Exception:
    return next((answer for name, answer in CONSTRAINTS.items() if name in str(error)), error)
