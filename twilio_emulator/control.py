"""The control API under /_control/: JSON, no credentials, for tests and for people who like to break things.

| request | body |
|---|---|
| POST faults | see faults.py |
| GET faults | what is armed, how often each kind fired, the modes below |
| DELETE faults | disarm all |
| POST callbacks | `{"mode": "normal" or "never" or "late" or "doubled" or "out_of_order", "seconds": 2}` |
| POST list_lag | `{"seconds": 60}`: the list hides younger texts |
| POST latency | `{"ms": 50}`: how long a create takes to answer |
| POST delivery | `{"sent_ms": 50, "delivered_ms": 300}` from acceptance |
| POST listen | `{"open": false, "seconds": 30}`: refuse connections, this API's too, until then |
| POST reset | forget texts, faults, opt-outs, modes, counts |
| GET messages | `?to=&since_ms=&direction=`: what was accepted, oldest first; direction: `outbound-api` |
| GET stats | counts |
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from . import faults as fault_kinds
from .api import MessagesApi
from .delivery import CALLBACK_MODES, Delivery
from .errors import ControlError
from .exchange import Request, Response, as_json
from .faults import Faults, number, one_of
from .messages import Message, Store
from .replies import Replies
from .webhooks import Webhooks

DIRECTIONS = ("outbound-api", "outbound-reply", "inbound", "all")


class Listener(Protocol):
    """What opens and closes the port."""

    def close_for(self, seconds: float, keep: object) -> None: ...


class Control:
    """Arms faults, switches modes, and tells what happened."""

    def __init__(
        self,
        *,
        store: Store,
        api: MessagesApi,
        delivery: Delivery,
        replies: Replies,
        webhooks: Webhooks,
        faults: Faults,
        normal_latency_ms: float,
    ) -> None:
        self._store = store
        self._api = api
        self._delivery = delivery
        self._replies = replies
        self._webhooks = webhooks
        self._faults = faults
        self._normal_latency_ms = normal_latency_ms
        self.listener: Listener | None = None
        self._routes: dict[tuple[str, str], Callable[[Request], Response]] = {
            ("POST", "faults"): self._arm,
            ("GET", "faults"): self._armed,
            ("DELETE", "faults"): self._disarm,
            ("POST", "callbacks"): self._callbacks,
            ("POST", "list_lag"): self._list_lag,
            ("POST", "latency"): self._latency,
            ("POST", "delivery"): self._delays,
            ("POST", "listen"): self._listen,
            ("POST", "reset"): self._reset,
            ("GET", "messages"): self._messages,
            ("GET", "stats"): self._stats,
        }

    def answer(self, request: Request) -> Response:
        handler = self._routes.get((request.method, request.path.removeprefix("/_control/")))
        if handler is None:
            known = ", ".join(f"{method} /_control/{name}" for method, name in self._routes)
            return as_json({"error": f"no such control; there are: {known}"}, 404)
        try:
            return handler(request)
        except ControlError as error:
            return as_json({"error": str(error)}, 400)

    def _arm(self, request: Request) -> Response:
        fault = fault_kinds.parse(request.json())
        self._faults.armed.append(fault)
        return as_json(fault.describe(), 201)

    def _armed(self, request: Request) -> Response:
        return as_json(
            {
                "armed": [fault.describe() for fault in self._faults.armed],
                "fired": dict(self._faults.fired),
                "callbacks": {"mode": self._delivery.mode, "seconds": self._delivery.mode_seconds},
                "list_lag": {"seconds": self._api.list_lag_seconds},
                "latency": {"ms": self._api.latency_ms},
                "delivery": {"sent_ms": self._delivery.sent_ms, "delivered_ms": self._delivery.delivered_ms},
            }
        )

    def _disarm(self, request: Request) -> Response:
        self._faults.clear()
        return self._armed(request)

    def _callbacks(self, request: Request) -> Response:
        values = request.json()
        mode = one_of(values, "mode", CALLBACK_MODES)
        self._delivery.mode_seconds = number(values, "seconds", 2.0 if mode == "late" else 0.0)
        self._delivery.mode = mode
        return self._armed(request)

    def _list_lag(self, request: Request) -> Response:
        self._api.list_lag_seconds = number(request.json(), "seconds", None)
        return self._armed(request)

    def _latency(self, request: Request) -> Response:
        self._api.latency_ms = number(request.json(), "ms", None, most=600_000)
        return self._armed(request)

    def _delays(self, request: Request) -> Response:
        values = request.json()
        sent = number(values, "sent_ms", self._delivery.sent_ms, most=86_400_000)
        delivered = number(values, "delivered_ms", max(self._delivery.delivered_ms, sent), most=86_400_000)
        if delivered < sent:
            raise ControlError('"delivered_ms" must not be smaller than "sent_ms"')
        self._delivery.sent_ms, self._delivery.delivered_ms = sent, delivered
        return self._armed(request)

    def _listen(self, request: Request) -> Response:
        values = request.json()
        if values.get("open") is not False:
            raise ControlError('accepted: {"open": false, "seconds": 30}; the port opens again by itself')
        seconds = number(values, "seconds", 30.0)
        if self.listener is not None:
            self.listener.close_for(seconds, keep=request.scope["extensions"])
        return as_json({"open": False, "seconds": seconds}, headers=((b"connection", b"close"),))

    def _reset(self, request: Request) -> Response:
        self._delivery.back_to_normal()
        self._store.clear()
        self._faults.clear()
        self._faults.fired.clear()
        self._replies.clear()
        self._webhooks.clear()
        self._api.counts.clear()
        self._api.list_lag_seconds = 0.0
        self._api.latency_ms = self._normal_latency_ms
        return self._armed(request)

    def _messages(self, request: Request) -> Response:
        query: dict[str, Any] = request.query
        try:
            query["since_ms"] = float(query.get("since_ms") or 0)
        except ValueError:
            raise ControlError('"since_ms" must be a number: milliseconds since the epoch') from None
        direction = one_of(query, "direction", DIRECTIONS, default="outbound-api")
        found = self._store.accepted_since(query["since_ms"], query.get("to") or None)
        wanted = (m for m in found if direction in ("all", m.direction))
        return as_json({"messages": [describe(m) for m in wanted]})

    def _stats(self, request: Request) -> Response:
        return as_json(
            {
                "creates": self._api.counts["creates"],
                "accepted": self._api.counts["accepted"],
                "rejected": self._api.counts["rejected"],
                "faults": dict(self._faults.fired),
                "stored": len(self._store),
                "phones": self._store.phone_count,
                "callbacks": {
                    **{n: self._webhooks.counts[n] for n in ("attempts", "delivered", "failed", "dropped")},
                    "waiting": self._webhooks.waiting,
                },
            }
        )


def describe(message: Message) -> dict[str, object]:
    """A text as tests want to see it. Times are milliseconds since the epoch."""
    return {
        "sid": message.sid,
        "to": message.to,
        "from": message.from_number,
        "body": message.body,
        "status": message.status,
        "segments": message.segments,
        "direction": message.direction,
        "accepted_at_ms": message.accepted_at_ms,
        "sent_at_ms": None if message.sent_at is None else round(message.sent_at * 1000, 3),
        "updated_at_ms": round(message.updated_at * 1000, 3),
        "error_code": message.error_code,
        "status_callback": message.status_callback,
        "validity_period": message.validity_period,
        "messaging_service_sid": message.messaging_service_sid,
    }
