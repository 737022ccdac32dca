"""A form that is sent twice, by a double click or a reload, does what it says once: the API's store of answers."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from uuid import uuid4

from django.db import connection, transaction
from django.http import HttpRequest
from django.utils.translation import gettext
from rest_framework.response import Response

from booking_api import idempotency
from web.desk import staff_of
from web.forms import WHOLE_FORM, Refused

NAME = "once"
_KEY = re.compile(r"[0-9a-f]{32}")
# A token of Django's that may be another in the same form, sent again.
NOT_PART_OF_IT = "csrfmiddlewaretoken"


def new_key() -> str:
    """For the hidden field of a form that has just been opened, or has just done something."""
    return uuid4().hex


def key_of(request: HttpRequest) -> str:
    """The key that a form came with; a new one for a form that has none, or has done its work."""
    key = request.POST.get(NAME, "")
    return key if _KEY.fullmatch(key) else new_key()


@transaction.atomic
def once(request: HttpRequest, act: Callable[[], int]) -> int:
    """Do what a form asks for, or find what it has done already.

    Args:
      act: does it, and returns the key of what it made. What it refuses is forgotten: the form may be put right.

    Raises:
      AlreadyDone: the form was changed since, and sent again.
    """
    key = request.POST.get(NAME, "")
    if not _KEY.fullmatch(key):
        return act()
    asked = sorted((name, values) for name, values in request.POST.lists() if name != NOT_PART_OF_IT)
    fingerprint = hashlib.sha256(f"{request.path}\n{json.dumps(asked)}".encode()).hexdigest()
    attempt = idempotency.Attempt(staff_of(request).caller_id, f"form {key}", fingerprint)
    _wait_for_the_first(attempt)
    try:
        kept = idempotency.begin(attempt)
    except idempotency.KeyReused as reused:
        raise AlreadyDone from reused
    if kept is not None:
        made: int = json.loads(kept.content)["id"]
        return made
    made = act()
    idempotency.keep(attempt, Response({"id": made}, status=201))
    return made


class AlreadyDone(Refused):
    """Back in the browser leads to a form that has done its work, whose fields can be changed."""

    def __init__(self) -> None:
        message = gettext(
            "This form has been saved already. To save what it says now as well, press the button once more."
        )
        super().__init__(409, {WHOLE_FORM: [message]}, frozenset({"already_done"}))


def _wait_for_the_first(attempt: idempotency.Attempt) -> None:
    """A browser shows the answer to the second click alone, so that one waits; the API says 409 and lets the client."""
    with connection.cursor() as cursor:
        name = f"idempotency {attempt.caller} {attempt.key}"
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])
