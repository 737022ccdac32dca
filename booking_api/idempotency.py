"""Idempotency-Key: whoever repeats a POST gets the first answer, and nothing happens twice (docs/adr/0008).

The answer commits with what the request wrote, so there is never one without the other. While the first request runs
it holds an advisory lock of its transaction; PostgreSQL frees it with the connection, whatever becomes of the process.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import timedelta

from django.db import connection
from django.db.models.functions import Now
from django.http import HttpResponse
from rest_framework import status
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from booking_api.errors import Conflict
from booking_api.models import KeptAnswer
from booking_api.permissions import caller
from booking_api.renderers import FastJSONRenderer

HEADER = "Idempotency-Key"
KEPT_FOR = timedelta(hours=24)
KEPT_HEADERS = ("Location", "ETag")
# A first request that neither works nor ends (its machine lost power) is ended by PostgreSQL after this time.
LONGEST_SILENCE_SECONDS = 60

KEY_PATTERN = "[ -~]{1,255}"
_PRINTABLE = re.compile(KEY_PATTERN)


class StillRunning(Conflict):
    default_code = "request_in_progress"
    default_detail = "The first request with this Idempotency-Key is still running. Repeat this one in a moment."
    wait = 1


class KeyReused(APIException):
    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY
    default_code = "idempotency_key_reused"
    default_detail = "This Idempotency-Key came with another request before. Use a new key for a new request."


@dataclass(frozen=True)
class Attempt:
    """A request that bears a key: whose it is, and a hash of what it asks for."""

    caller: str
    key: str
    fingerprint: str


def attempt_of(request: Request) -> Attempt | None:
    """None for a request that has no key, or is no POST.

    Raises:
      ValidationError: the key is not 1 to 255 printable ASCII characters.
    """
    key = request.headers.get(HEADER)
    if key is None or request.method != "POST":
        return None
    if not _PRINTABLE.fullmatch(key):
        raise ValidationError({HEADER: ["Give 1 to 255 printable ASCII characters."]}, code="invalid_idempotency_key")
    asked = f"{request.method} {request.get_full_path()}\n".encode() + request._request.body
    return Attempt(caller=caller(request).caller_id, key=key, fingerprint=hashlib.sha256(asked).hexdigest())


def begin(attempt: Attempt) -> HttpResponse | None:
    """The answer kept for this attempt; None if it is the first, which alone goes on until its transaction ends.

    Raises:
      StillRunning: another request with this key has not ended.
      KeyReused: the key belongs to another request.
    """
    if not _lock(attempt):
        raise StillRunning
    kept = KeptAnswer.objects.filter(caller=attempt.caller, key=attempt.key, kept_at__gt=Now() - KEPT_FOR).first()
    if kept is None:
        return None
    if kept.fingerprint != attempt.fingerprint:
        raise KeyReused
    return HttpResponse(
        kept.body,
        status=kept.status,
        headers={**kept.headers, "Idempotent-Replayed": "true"},
        content_type="application/json" if kept.body else None,
    )


def keep(attempt: Attempt, response: Response) -> None:
    """Keep the answer, in the transaction that made it."""
    body = "" if response.data is None else FastJSONRenderer().render(response.data).decode()
    KeptAnswer.objects.update_or_create(
        caller=attempt.caller,
        key=attempt.key,
        defaults={
            "fingerprint": attempt.fingerprint,
            "status": response.status_code,
            "headers": {name: response[name] for name in KEPT_HEADERS if name in response},
            "body": body,
            "kept_at": Now(),
        },
    )


def forget_expired(limit: int = 5_000) -> int:
    """Delete up to ``limit`` answers that are older than `KEPT_FOR`. Returns how many."""
    expired = KeptAnswer.objects.filter(kept_at__lte=Now() - KEPT_FOR).order_by("kept_at").values("pk")[:limit]
    return KeptAnswer.objects.filter(pk__in=expired).delete()[0]


def _lock(attempt: Attempt) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('idle_in_transaction_session_timeout', %s, true),"
            " pg_try_advisory_xact_lock(hashtextextended(%s, 0))",
            [f"{LONGEST_SILENCE_SECONDS}s", f"idempotency {attempt.caller} {attempt.key}"],
        )
        return bool(cursor.fetchone()[1])
