"""Misbehaviour on demand.

| kind | what the client sees | accepted? |
|---|---|---|
| refuse | the connection is reset | no |
| 429 | HTTP 429, code 20429, Retry-After: `seconds` (1) | no |
| 500 | HTTP 500, code 20500 | no |
| 503_html | HTTP 503 with an HTML page | no |
| hang | nothing for `seconds` (30), then the connection is reset | no |
| error | Twilio's error `code` with HTTP `status` (the code's own, else 400) | no |
| accept_then_drop | the connection is reset | yes |
| hang_after_accept | nothing for `seconds` (30), then the ordinary answer | yes |
| no_sid | HTTP 201, JSON without `sid` | yes |
| callback_before_response | the status callbacks arrive, then the ordinary answer | yes |
| fail_after_accept | the ordinary answer; later undelivered or failed with `code` (30003) | yes |

A fault fires `count` times (1 if nothing is said) or on each request with `probability`. `path` says on which
requests: create (the default), list, fetch or all; `to` narrows it to one number.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from typing import Any

from .errors import MESSAGES, ControlError, TwilioError
from .exchange import DROP, Request, Response, as_error

BEFORE_ACCEPTING = ("refuse", "429", "500", "503_html", "hang", "error")
AFTER_ACCEPTING = (
    "accept_then_drop",
    "hang_after_accept",
    "no_sid",
    "callback_before_response",
    "fail_after_accept",
)
KINDS = BEFORE_ACCEPTING + AFTER_ACCEPTING
PATHS = ("create", "list", "fetch", "all")
FIELDS = ("kind", "count", "probability", "seconds", "path", "code", "status", "to")
DEFAULT_SECONDS = {"429": 1.0, "hang": 30.0, "hang_after_accept": 30.0}

HTML = b"<html><body><h1>503 Service Unavailable</h1>upstream connect error</body></html>"


@dataclass(slots=True, eq=False)
class Fault:
    """One armed fault. `remaining` is None for one with a probability, which stays until it is cleared."""

    kind: str
    path: str = "create"
    remaining: int | None = 1
    probability: float | None = None
    seconds: float = 0.0
    code: int | None = None
    status: int | str | None = None
    to: str | None = None
    fired: int = 0

    def describe(self) -> dict[str, object]:
        return {
            "kind": self.kind,
            "path": self.path,
            "count": self.remaining,
            "probability": self.probability,
            "seconds": self.seconds,
            "code": self.code,
            "status": self.status,
            "to": self.to,
            "fired": self.fired,
        }


class Faults:
    """The armed faults, in the order in which they were armed; the first that matches a request fires."""

    def __init__(self) -> None:
        self.armed: list[Fault] = []
        self.fired: Counter[str] = Counter()

    def clear(self) -> None:
        self.armed.clear()

    def pick(self, path: str, to: str | None = None) -> Fault | None:
        """The fault that this request runs into, counted as fired."""
        for fault in self.armed:
            if fault.path not in (path, "all") or (fault.to is not None and fault.to != to):
                continue
            if fault.kind in AFTER_ACCEPTING and path != "create":
                continue
            if fault.probability is not None and random.random() >= fault.probability:  # noqa: S311
                continue
            self._fire(fault)
            return fault
        return None

    def _fire(self, fault: Fault) -> None:
        fault.fired += 1
        self.fired[fault.kind] += 1
        if fault.remaining is not None:
            fault.remaining -= 1
            if fault.remaining <= 0:
                self.armed.remove(fault)


async def answer_instead(fault: Fault, request: Request) -> Response:
    """What a request that is not processed gets."""
    match fault.kind:
        case "429":
            retry_after = (b"retry-after", str(round(fault.seconds)).encode())
            return as_error(TwilioError(20429), (retry_after,))
        case "500":
            return as_error(TwilioError(20500))
        case "503_html":
            return Response(503, HTML, b"text/html; charset=utf-8")
        case "error":
            status = fault.status if isinstance(fault.status, int) else None
            return as_error(TwilioError(fault.code or 20500, fault.to or "", status=status))
        case "hang":
            await request.wait_for_hang_up(fault.seconds)
    return DROP


def parse(values: dict[str, Any]) -> Fault:
    """A fault from control JSON. Raises ControlError that says what is accepted."""
    unknown = set(values) - set(FIELDS)
    if unknown:
        raise ControlError(f"unknown field {', '.join(sorted(unknown))}; accepted: {', '.join(FIELDS)}")
    kind = str(one_of(values, "kind", KINDS))
    path = str(one_of(values, "path", PATHS, default="create"))
    if kind in AFTER_ACCEPTING and path not in ("create", "all"):
        raise ControlError(f'{kind} happens to creates only: leave "path" out or say "create"')
    if values.get("count") is not None and values.get("probability") is not None:
        raise ControlError('give "count" or "probability", not both')
    probability = values.get("probability")
    fault = Fault(kind=kind, path=path, to=values.get("to"))
    if probability is not None:
        fault.probability, fault.remaining = number(values, "probability", 1.0, most=1.0), None
    else:
        fault.remaining = whole(values, "count", 1)
    fault.seconds = number(values, "seconds", DEFAULT_SECONDS.get(kind, 0.0))
    _add_code(fault, values)
    return fault


def _add_code(fault: Fault, values: dict[str, Any]) -> None:
    if fault.kind == "error":
        fault.code = whole(values, "code", None)
        fault.status = whole(values, "status", MESSAGES.get(fault.code, (400, ""))[0])
        if not 400 <= fault.status <= 599:
            raise ControlError('"status" must be an HTTP error, 400 to 599')
    elif fault.kind == "fail_after_accept":
        fault.code = whole(values, "code", 30003)
        carrier = 30003 <= fault.code <= 30008
        end = "undelivered" if carrier else "failed"
        fault.status = str(one_of(values, "status", ("undelivered", "failed"), default=end))


def one_of(values: dict[str, Any], name: str, accepted: tuple[str, ...], default: str | None = None) -> str:
    value = values.get(name, default)
    value = str(value) if isinstance(value, int) else value
    if value not in accepted:
        raise ControlError(f'"{name}" must be one of: {", ".join(accepted)}')
    return str(value)


def number(values: dict[str, Any], name: str, default: float | None, most: float = 86_400.0) -> float:
    value = values.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        raise ControlError(f'"{name}" must be a number from 0 to {most:g}')
    return float(value)


def whole(values: dict[str, Any], name: str, default: int | None) -> int:
    value = values.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ControlError(f'"{name}" must be a whole number of 1 or more')
    return value
