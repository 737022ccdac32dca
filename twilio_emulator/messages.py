"""The texts: what is kept of each, and its Twilio JSON.

The shape is that of the Message resource (https://www.twilio.com/docs/messaging/api/message-resource).
"""

from __future__ import annotations

import secrets
import time
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from email.utils import formatdate
from functools import lru_cache
from operator import attrgetter

API_VERSION = "2010-04-01"
CANCELABLE = frozenset({"accepted", "queued", "scheduled"})

MESSAGES_BY_CODE = {
    30001: "Queue overflow",
    30003: "Unreachable destination handset",
    30004: "Message blocked",
    30005: "Unknown destination handset",
    30006: "Landline or unreachable carrier",
    30007: "Message filtered",
    30008: "Unknown error",
    30034: "US A2P 10DLC - Message from an Unregistered Number",
    30036: "Validity Period Expired",
    30500: "Internal Error",
}


@dataclass(slots=True, eq=False)
class Message:
    """One text, out or in. Times are seconds since the epoch; `from_number` is None until one is picked."""

    sid: str
    number: int
    to: str
    from_number: str | None
    body: str
    status: str
    direction: str
    segments: int
    accepted_at: float
    updated_at: float
    messaging_service_sid: str | None = None
    status_callback: str | None = None
    validity_period: int | None = None
    num_media: int = 0
    sent_at: float | None = None
    error_code: int | None = None

    @property
    def accepted_at_ms(self) -> float:
        return round(self.accepted_at * 1000, 3)

    @property
    def phone(self) -> str:
        """The customer's number, whichever way the text went."""
        return (self.from_number or "") if self.direction == "inbound" else self.to

    @property
    def business(self) -> str | None:
        """Our number in this conversation."""
        return self.to if self.direction == "inbound" else self.from_number

    def resource(self, account_sid: str) -> dict[str, object]:
        """The Message resource as Twilio answers it."""
        uri = f"/{API_VERSION}/Accounts/{account_sid}/Messages/{self.sid}"
        undecided = self.messaging_service_sid is not None and self.from_number is None
        return {
            "account_sid": account_sid,
            "api_version": API_VERSION,
            "body": self.body,
            "date_created": rfc2822(int(self.accepted_at)),
            "date_sent": rfc2822(int(self.sent_at)) if self.sent_at is not None else None,
            "date_updated": rfc2822(int(self.updated_at)),
            "direction": self.direction,
            "error_code": self.error_code,
            "error_message": MESSAGES_BY_CODE.get(self.error_code) if self.error_code else None,
            "from": self.from_number,
            "messaging_service_sid": self.messaging_service_sid,
            "num_media": str(self.num_media),
            "num_segments": "0" if undecided else str(self.segments),
            "price": None,
            "price_unit": "USD",
            "sid": self.sid,
            "status": self.status,
            "subresource_uris": {"media": f"{uri}/Media.json"},
            "to": self.to,
            "uri": f"{uri}.json",
        }


@lru_cache(maxsize=4096)
def rfc2822(second: int) -> str:
    return formatdate(second).replace("-0000", "+0000")


_NUMBER = attrgetter("number")
_ACCEPTED_AT_MS = attrgetter("accepted_at_ms")


class Store:
    """Texts in memory, at most `keep` of them; the oldest make room for new ones."""

    def __init__(self, keep: int) -> None:
        self.keep = max(keep, 1)
        self.version = 0
        self._issued = 0
        self._forget_everything()

    def _forget_everything(self) -> None:
        self._all: list[Message] = []
        self._by_sid: dict[str, Message] = {}
        self._phones: OrderedDict[str, list[Message]] = OrderedDict()
        self._inboxes: set[str] = set()

    def clear(self) -> None:
        self._forget_everything()
        self.version += 1

    def __len__(self) -> int:
        return len(self._all)

    def add(
        self,
        *,
        to: str,
        from_number: str | None,
        body: str,
        status: str,
        direction: str,
        segments: int,
        messaging_service_sid: str | None = None,
        status_callback: str | None = None,
        validity_period: int | None = None,
        num_media: int = 0,
    ) -> Message:
        """Keep a new text. `accepted_at` never runs backwards, so that the order can be searched by time."""
        now = max(time.time(), self._all[-1].accepted_at if self._all else 0.0)
        self._issued += 1
        message = Message(
            sid="SM" + secrets.token_hex(16),
            number=self._issued,
            to=to,
            from_number=from_number,
            body=body,
            status=status,
            direction=direction,
            segments=segments,
            accepted_at=now,
            updated_at=now,
            messaging_service_sid=messaging_service_sid,
            status_callback=status_callback,
            validity_period=validity_period,
            num_media=num_media,
        )
        self._insert(message)
        return message

    def _insert(self, message: Message) -> None:
        if len(self._all) >= self.keep:
            self._drop_oldest(max(1, self.keep // 100))
        self._all.append(message)
        self._by_sid[message.sid] = message
        if message.direction == "inbound":
            self._inboxes.add(message.to)
        self._phones.setdefault(message.phone, []).append(message)
        self._phones.move_to_end(message.phone)
        self.version += 1

    def _drop_oldest(self, count: int) -> None:
        dropped = self._all[:count]
        del self._all[:count]
        for message in dropped:
            del self._by_sid[message.sid]
        newest_dropped = dropped[-1].number
        for phone in {message.phone for message in dropped}:
            self._keep_on_phone(phone, [m for m in self._phones[phone] if m.number > newest_dropped])

    def _keep_on_phone(self, phone: str, texts: list[Message]) -> None:
        if texts:
            self._phones[phone] = texts
        else:
            del self._phones[phone]

    def get(self, sid: str) -> Message | None:
        return self._by_sid.get(sid)

    def delete(self, message: Message) -> None:
        del self._by_sid[message.sid]
        self._keep_on_phone(message.phone, [m for m in self._phones[message.phone] if m is not message])
        del self._all[bisect_left(self._all, message.number, key=_NUMBER)]
        self.version += 1

    def set_status(self, message: Message, status: str, error_code: int | None = None) -> None:
        message.updated_at = time.time()
        message.status = status
        message.error_code = error_code
        if status == "sent":
            message.sent_at = message.updated_at
        self.version += 1

    def newest_first(self, *, to: str | None, before: int | None) -> Iterator[Message]:
        """Texts to `to` (or to anybody), newest first, from the one numbered below `before` on."""
        if to is not None and to not in self._inboxes:
            found: Iterable[Message] = reversed(self._phones.get(to, ()))
            return (m for m in found if m.to == to and (before is None or m.number < before))
        end = len(self._all) if before is None else bisect_left(self._all, before, key=_NUMBER)
        candidates = (self._all[i] for i in range(end - 1, -1, -1))
        return candidates if to is None else (m for m in candidates if m.to == to)

    def accepted_since(self, since_ms: float, to: str | None) -> list[Message]:
        """Texts accepted at `since_ms` (milliseconds since the epoch) or later, oldest first."""
        if to is not None and to not in self._inboxes:
            return [m for m in self._phones.get(to, ()) if m.to == to and m.accepted_at_ms >= since_ms]
        found = self._all[bisect_left(self._all, since_ms, key=_ACCEPTED_AT_MS) :]
        return found if to is None else [m for m in found if m.to == to]

    def phones(self) -> Iterator[tuple[str, list[Message]]]:
        """Each customer's number with its texts oldest first; the phone that moved last comes first."""
        return reversed(self._phones.items())

    def phone(self, number: str) -> Iterable[Message]:
        return self._phones.get(number, ())

    @property
    def phone_count(self) -> int:
        return len(self._phones)
