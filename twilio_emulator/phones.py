"""The page that shows texts as phones, and the reply box on it."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from urllib.parse import parse_qsl

from .api import E164
from .exchange import Request, Response, as_json
from .messages import Message, Store
from .replies import Replies
from .settings import Settings

STATIC = Path(__file__).with_name("static")
FILES = {
    "/": ("phones.html", b"text/html; charset=utf-8"),
    "/static/phones.css": ("phones.css", b"text/css; charset=utf-8"),
    "/static/phones.js": ("phones.js", b"text/javascript; charset=utf-8"),
    "/static/phone.svg": ("phone.svg", b"image/svg+xml"),
}
HEADERS = (
    (b"cache-control", b"no-cache"),
    (b"content-security-policy", b"default-src 'self'; base-uri 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
)
MOST_PHONES, MOST_TEXTS, MAX_BODY = 60, 40, 1600


class Phones:
    """Serves the page, the JSON that it polls, and replies."""

    def __init__(self, store: Store, replies: Replies, settings: Settings) -> None:
        self._store = store
        self._replies = replies
        self._settings = settings
        self._files = {path: (STATIC.joinpath(name).read_bytes(), kind) for path, (name, kind) in FILES.items()}

    async def answer(self, request: Request) -> Response | None:
        """The answer to one of the page's own requests; None for any other."""
        path, method = request.path, request.method
        if method == "GET" and path in self._files:
            body, kind = self._files[path]
            return Response(200, body, kind, HEADERS)
        if method == "GET" and path == "/_phones.json":
            return self._state(request)
        if method == "POST" and path.startswith("/_phones/") and path.endswith("/reply"):
            return await self._reply(path.removeprefix("/_phones/").removesuffix("/reply"), request)
        return None

    def _state(self, request: Request) -> Response:
        """What the page shows; with `since` the current version nothing but the version."""
        query = request.query
        if query.get("since") == str(self._store.version):
            return as_json({"version": self._store.version, "unchanged": True})
        digits = "".join(c for c in query.get("q", "") if c.isdigit())
        matching = (phone for phone in self._store.phones() if digits in phone[0])
        shown = list(islice(matching, MOST_PHONES))
        return as_json(
            {
                "version": self._store.version,
                "phones_total": self._store.phone_count,
                "texts_total": len(self._store),
                "inbound_url": self._settings.inbound_url,
                "phones": [self._phone(number, texts) for number, texts in shown],
            }
        )

    def _phone(self, number: str, texts: list[Message]) -> dict[str, object]:
        latest = list(islice(reversed(texts), MOST_TEXTS))
        businesses = list(dict.fromkeys(m.business for m in latest if m.business))
        return {
            "number": number,
            "businesses": businesses,
            "opted_out": [b for b in businesses if self._replies.is_opted_out(number, b)],
            "count": len(texts),
            "texts": [_text(m) for m in latest],
        }

    async def _reply(self, number: str, request: Request) -> Response:
        """`body`, and `to` (the business number; the last one in that conversation if left out)."""
        values = _fields(request)
        body = str(values.get("body") or "").strip()
        if not E164.fullmatch(number):
            return as_json({"error": f"{number!r} is not a phone number like +447400123456"}, 400)
        if not body or len(body) > MAX_BODY:
            return as_json({"error": f'"body" must have 1 to {MAX_BODY} characters'}, 400)
        business = str(values.get("to") or self._replies.last_business(number))
        return as_json(await self._replies.receive(number, business, body))


def _fields(request: Request) -> dict[str, object]:
    """The request's JSON object or form fields."""
    if not request.header(b"content-type").startswith(b"application/json"):
        return dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
    try:
        values = json.loads(request.body)
    except ValueError:
        return {}
    return values if isinstance(values, dict) else {}


def _text(message: Message) -> dict[str, object]:
    return {
        "sid": message.sid,
        "inbound": message.direction == "inbound",
        "business": message.business,
        "body": message.body,
        "status": message.status,
        "segments": message.segments,
        "at_ms": round(message.accepted_at * 1000),
        "error_code": message.error_code,
        "automatic": message.direction == "outbound-reply",
    }
