"""The work that all peers do: post a text with the `twilio` client as it comes, one client for each thread."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

from twilio.rest import Client

_SENTENCE = "Hi Customer {number}, You have an appointment coming up at 3:30 PM. Regards Salon 1."
_FIRST_NUMBER = 100_000
_DAY_SECONDS, _YEAR_SECONDS = 86_400, 31_536_000
_thread = threading.local()
# Where a worker logs all that it is told (Dramatiq), the client would write ten lines for each text.
logging.getLogger("twilio").setLevel(logging.WARNING)


@dataclass(frozen=True)
class Text:
    """``due_at``: seconds since 1970."""

    to: str
    body: str
    due_at: float


def send(to: str, body: str) -> None:
    client = getattr(_thread, "client", None)
    if client is None:
        client = _thread.client = Client(os.environ["TWILIO_ACCOUNT_SID"], os.environ["TWILIO_AUTH_TOKEN"])
        client.api.base_url = os.environ["TWILIO_BASE_URL"]
    client.messages.create(to=to, from_=os.environ["TWILIO_PHONE_NUMBER"], body=body)


def due_together(count: int, due_at: float) -> Iterator[Text]:
    """Each to a phone of its own."""
    return (_text(number, due_at) for number in range(count))


def far(count: int) -> Iterator[Text]:
    """Spread over a year that begins tomorrow."""
    tomorrow = time.time() + _DAY_SECONDS
    return (_text(number % 900_000, tomorrow + number % _YEAR_SECONDS) for number in range(count))


def _text(number: int, due_at: float) -> Text:
    number += _FIRST_NUMBER
    return Text(f"+447400{number:06}", _SENTENCE.format(number=number), due_at)
