"""What happens to a text after it was accepted: queued, sent, delivered (or not), each step called back.

Statuses and callback fields: https://www.twilio.com/docs/messaging/guides/track-outbound-message-status.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from .messages import API_VERSION, Message, Store
from .settings import Settings
from .webhooks import Webhooks

CALLBACK_MODES = ("normal", "never", "late", "doubled", "out_of_order")
VALIDITY_EXPIRED = 30036


@dataclass(frozen=True, slots=True)
class Ending:
    """How a text ends: `delivered`, or `undelivered` / `failed` with Twilio's error code."""

    status: str = "delivered"
    error_code: int | None = None


class Delivery:
    """Moves texts along and says so. Delays are milliseconds from acceptance."""

    def __init__(self, store: Store, webhooks: Webhooks, settings: Settings) -> None:
        self._store = store
        self._webhooks = webhooks
        self._settings = settings
        self._generation = 0
        self.back_to_normal()

    def back_to_normal(self) -> None:
        """Ordinary callbacks and delays; whatever was under way is forgotten."""
        self.mode = "normal"
        self.mode_seconds = 0.0
        self.sent_ms: float = self._settings.sent_ms
        self.delivered_ms: float = self._settings.delivered_ms
        self._generation += 1

    def _later(self, seconds: float, step: Callable[[], None]) -> None:
        """Run `step` in `seconds`, unless everything was reset by then."""
        generation = self._generation

        def run() -> None:
            if generation == self._generation:
                step()

        asyncio.get_running_loop().call_later(seconds, run)

    def start(self, message: Message, ending: Ending, *, wait_seconds: float = 0.0) -> None:
        """Send `message` after `wait_seconds` (a scheduled text) and the ordinary delay."""
        validity = message.validity_period
        if validity is not None and validity * 1000 < self.sent_ms:
            expired = Ending("failed", VALIDITY_EXPIRED)
            self._later(wait_seconds + validity, lambda: self._finish(message, expired))
            return
        self._later(wait_seconds + self.sent_ms / 1000, lambda: self._send(message, ending))

    def _is_moving(self, message: Message) -> bool:
        return self._store.get(message.sid) is message and message.status != "canceled"

    def _send(self, message: Message, ending: Ending) -> None:
        if not self._is_moving(message):
            return
        if ending.status == "failed":
            self._finish(message, ending)
            return
        self._mark_sent(message)
        self._notify(message)
        rest = max(self.delivered_ms - self.sent_ms, 0) / 1000
        self._later(rest, lambda: self._finish(message, ending))

    def _mark_sent(self, message: Message) -> None:
        if message.from_number is None:
            message.from_number = self._settings.default_number
        self._store.set_status(message, "sent")

    def _finish(self, message: Message, ending: Ending) -> None:
        if self._is_moving(message):
            self._store.set_status(message, ending.status, ending.error_code)
            self._notify(message)

    async def rush(self, message: Message) -> None:
        """Send and deliver now, and return only when both callbacks have been answered."""
        self._mark_sent(message)
        steps = [self.callback_fields(message)]
        self._store.set_status(message, "delivered")
        steps.append(self.callback_fields(message))
        for fields in steps:
            if message.status_callback:
                await self._webhooks.post(message.status_callback, fields)

    def deliver_locally(self, message: Message) -> None:
        """A reply of our own reaches the phone at once; nobody asked for callbacks."""
        self._store.set_status(message, "sent")
        self._store.set_status(message, "delivered")

    def _notify(self, message: Message) -> None:
        """Call back about the status that `message` now has, as the callback mode says."""
        url = message.status_callback
        if not url or self.mode == "never":
            return
        fields = self.callback_fields(message)

        def post() -> None:
            self._webhooks.enqueue(url, fields)

        if self.mode == "late":
            self._later(self.mode_seconds, post)
        elif self.mode == "out_of_order" and message.status == "sent":
            after_the_end = max(self.delivered_ms - self.sent_ms, 0) / 1000 + (self.mode_seconds or 0.2)
            self._later(after_the_end, post)
        else:
            for _ in range(2 if self.mode == "doubled" else 1):
                post()

    def callback_fields(self, message: Message) -> dict[str, str]:
        fields = {
            "AccountSid": self._settings.account_sid,
            "ApiVersion": API_VERSION,
            "From": message.from_number or "",
            "MessageSid": message.sid,
            "MessageStatus": message.status,
            "SmsSid": message.sid,
            "SmsStatus": message.status,
            "To": message.to,
        }
        if message.messaging_service_sid:
            fields["MessagingServiceSid"] = message.messaging_service_sid
        if message.error_code is not None:
            fields["ErrorCode"] = str(message.error_code)
        return fields
