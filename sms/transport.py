"""The one way out: the `twilio` client, one a thread, with timeouts and every failure given its class.

Twilio's create call has no idempotency token, so what matters about a failure is whether the text may have been
accepted; `sms.errors` names the classes, the tables below say which code belongs to which.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from django.conf import settings
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.rest import Client

from sms.errors import Ambiguous, NotProcessed, OptedOut, Rejected, SenderBlocked, TextBlocked, TransportError
from sms.twilio_http import KeepAliveHttpClient

# Codes from https://www.twilio.com/docs/api/errors.
OPTED_OUT_CODE = 21610
RETRIABLE_CODES = frozenset({20429, 21611})
SENDER_BLOCKED_CODES = frozenset({20003, 20008, 21603, 21606, 21659, 30034, 30450, 63038})
# What one destination or one text runs into, however well the sender is, and what a person can do (docs/adr/0012).
TEXT_BLOCKED_CODES = {
    21408: "allow texts to that country at Twilio",
    21608: "verify that number at Twilio, or upgrade the trial account",
    21612: "take a sender at Twilio that can reach that number",
    30007: "see at Twilio why carriers filter the text",
}
MAX_BODY_CHARACTERS = 1600
MAX_VALIDITY_SECONDS = 36_000
# Twilio gives a callback one try, and only where the connection failed; these fragments ask for five, whatever
# went wrong (https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides).
CALLBACK_RETRIES = "#rc=5&rp=all"


@dataclass(frozen=True)
class Outgoing:
    """A text on its way: ``to`` in E.164, ``useful_seconds`` until it would come too late."""

    message_id: int
    attempt: int
    to: str
    body: str
    useful_seconds: float


@dataclass(frozen=True)
class Accepted:
    """What Twilio answered; ``segments`` is its own count, where it gave one."""

    sid: str
    segments: int | None


@dataclass(frozen=True)
class Listed:
    """A text found in Twilio's list; ``created_at`` to the second, aware UTC."""

    sid: str
    body: str
    created_at: datetime


def send(outgoing: Outgoing) -> Accepted:
    """Hand one text to Twilio.

    Raises:
      sms.errors.TransportError: one of its subclasses; see there for what may follow.
    """
    try:
        message = _client().messages.create(
            to=outgoing.to,
            from_=settings.TWILIO_PHONE_NUMBER,
            body=outgoing.body,
            validity_period=max(1, min(MAX_VALIDITY_SECONDS, int(outgoing.useful_seconds))),
            status_callback=status_callback_url(outgoing) or None,
        )
    except Exception as error:
        raise classify(error) from error
    if not message.sid:
        raise Ambiguous("Twilio answered without a sid")
    segments = str(message.num_segments or "")
    return Accepted(message.sid, int(segments) if segments.isdigit() else None)


def sent_to(to: str, since: datetime) -> Iterator[Listed]:
    """Texts from our sender to ``to`` that Twilio's list shows, created at ``since`` or later.

    The list lags behind by up to minutes, so absence is proof only after a while.

    Raises:
      sms.errors.TransportError: the list could not be read.
    """
    try:
        # DateSent filters by UTC day, and a text not sent yet has none: so the newest, unfiltered.
        for message in _client().messages.list(to=to, from_=settings.TWILIO_PHONE_NUMBER, limit=50):
            created_at = message.date_created or datetime.now(UTC)
            if created_at >= since - timedelta(seconds=1) and message.sid:
                yield Listed(message.sid, message.body or "", created_at)
    except Exception as error:
        raise classify(error) from error


def preload() -> None:
    """Import what the library imports at the first use, so that no text waits for it."""
    _ = _client().messages


def status_callback_url(outgoing: Outgoing) -> str:
    """Where Twilio reports; our own id in it proves acceptance even when the answer was lost."""
    if not settings.PUBLIC_BASE_URL:
        return ""
    query = urlencode({"message": outgoing.message_id, "attempt": outgoing.attempt})
    return f"{settings.PUBLIC_BASE_URL}/sms/status/?{query}{CALLBACK_RETRIES}"


def classify(error: Exception) -> TransportError:
    """The class of a failure: was it refused, not processed, or perhaps accepted?"""
    if isinstance(error, TransportError):
        return error
    if isinstance(error, TwilioRestException):
        return _classify_answer(error)
    if isinstance(error, (json.JSONDecodeError, TwilioException)):
        return Ambiguous(f"no usable answer from Twilio ({type(error).__name__})")
    return Ambiguous(f"sending broke off ({type(error).__name__})")


def _classify_answer(error: TwilioRestException) -> TransportError:
    status, code = error.status, error.code if isinstance(error.code, int) else None
    detail = f"Twilio answered HTTP {status}" + (f", error {code}" if code and code != status else "")
    if status >= 500 or status < 400:
        return Ambiguous(detail, code)
    if status == 429 or code in RETRIABLE_CODES:
        return NotProcessed(detail, code, _http().retry_after_seconds)
    if code in TEXT_BLOCKED_CODES:
        return TextBlocked(detail, code)
    if status in (401, 403) or code in SENDER_BLOCKED_CODES:
        return SenderBlocked(detail, code)
    if code == OPTED_OUT_CODE:
        return OptedOut("opted out", code)
    return Rejected(detail, code)


_thread = threading.local()


def _http() -> KeepAliveHttpClient:
    http: KeepAliveHttpClient | None = getattr(_thread, "http", None)
    if http is None:
        http = _thread.http = KeepAliveHttpClient(settings.SMS_HTTP_TIMEOUT_SECONDS)
    return http


def _client() -> Client:
    """This thread's client: the library's is not safe to share between threads."""
    client: Client | None = getattr(_thread, "client", None)
    if client is None:
        client = Client(settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN, http_client=_http())
        client.api.base_url = settings.TWILIO_BASE_URL
        _thread.client = client
    return client
