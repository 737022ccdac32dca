"""The Messages API as Twilio answers it (https://www.twilio.com/docs/messaging/api/message-resource)."""

from __future__ import annotations

import asyncio
import base64
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from itertools import islice
from urllib.parse import urlencode, urlsplit

from .delivery import Delivery, Ending
from .errors import MAGIC_FROM, MAGIC_TO, TwilioError
from .exchange import DROP, Request, Response, as_error, as_json
from .faults import BEFORE_ACCEPTING, Fault, Faults, answer_instead
from .messages import API_VERSION, CANCELABLE, Message, Store, rfc2822
from .replies import Replies
from .segments import count_segments
from .settings import Settings

E164 = re.compile(r"\+[1-9]\d{6,14}", re.ASCII)
# Senders other than numbers: short codes and alphanumeric ids (https://www.twilio.com/docs/glossary/what-alphanumeric-sender-id).
SENDER = re.compile(r"\+[1-9]\d{6,14}|\d{3,6}|(?=.*[A-Za-z])[A-Za-z0-9 &_+-]{1,11}", re.ASCII)
MAX_BODY = 1600
MAX_VALIDITY_SECONDS = 36_000
PAGE_SIZE, MAX_PAGE_SIZE = 50, 1000


class MessagesApi:
    """Everything under /2010-04-01/Accounts/."""

    def __init__(self, store: Store, delivery: Delivery, replies: Replies, faults: Faults, settings: Settings) -> None:
        self._store = store
        self._delivery = delivery
        self._replies = replies
        self._faults = faults
        self._settings = settings
        credentials = f"{settings.account_sid}:{settings.auth_token}".encode()
        self._authorization = b"Basic " + base64.b64encode(credentials)
        self._account_path = f"/{API_VERSION}/Accounts/{settings.account_sid}"
        self._create_path = f"{self._account_path}/Messages.json"
        self.latency_ms: float = settings.latency_ms
        self.list_lag_seconds = 0.0
        self.counts: Counter[str] = Counter()

    async def answer(self, request: Request) -> Response:
        """Answer one request; errors in Twilio's shape."""
        try:
            if request.header(b"authorization") != self._authorization:
                raise TwilioError(20003)
            return await self._route(request)
        except TwilioError as error:
            basic = ((b"www-authenticate", b'Basic realm="Twilio API"'),) if error.status == 401 else ()
            return as_error(error, basic)

    async def _route(self, request: Request) -> Response:
        path, method = request.path, request.method
        if path == self._create_path:
            if method == "POST":
                return await self._create(request)
            self._allow(method, "GET")
            return await self._misbehave("list", request) or self._list(request)
        if path == f"{self._account_path}.json":
            self._allow(method, "GET")
            return await self._misbehave("account", request) or self._account()
        prefix, suffix = f"{self._account_path}/Messages/", ".json"
        if not (path.startswith(prefix) and path.endswith(suffix)):
            raise TwilioError(20404, path)
        self._allow(method, "GET", "POST", "DELETE")
        if early := await self._misbehave("fetch" if method == "GET" else method, request):
            return early
        message = self._store.get(path.removeprefix(prefix).removesuffix(suffix))
        if message is None:
            raise TwilioError(20404, path)
        return self._one(method, message, request)

    def _one(self, method: str, message: Message, request: Request) -> Response:
        if method == "POST":
            return self._update(message, request.form())
        if method == "DELETE":
            if message.status in CANCELABLE:
                raise TwilioError(20009)
            self._store.delete(message)
            return Response(204)
        return as_json(message.resource(self._settings.account_sid))

    @staticmethod
    def _allow(method: str, *methods: str) -> None:
        if method not in methods:
            raise TwilioError(20004)

    async def _misbehave(self, path: str, request: Request) -> Response | None:
        fault = self._faults.pick(path)
        return await answer_instead(fault, request) if fault else None

    # Creating

    async def _create(self, request: Request) -> Response:
        self.counts["creates"] += 1
        form = request.form()
        fault = self._faults.pick("create", form.get("To")) if self._faults.armed else None
        if fault is not None and fault.kind in BEFORE_ACCEPTING:
            self.counts["rejected"] += 1
            return await answer_instead(fault, request)
        try:
            message = self._accept(form)
        except TwilioError:
            self.counts["rejected"] += 1
            raise
        self.counts["accepted"] += 1
        return await self._acknowledge(message, fault, request)

    def _accept(self, form: Mapping[str, str]) -> Message:
        """Check the request in Twilio's order and keep the text. Raises TwilioError."""
        to = _checked_to(form.get("To", ""))
        sender = self._checked_sender(form)
        body = form.get("Body", "")
        if not body and "MediaUrl" not in form and "ContentSid" not in form:
            raise TwilioError(21602)
        if len(body) > MAX_BODY:
            raise TwilioError(21617)
        if self._replies.is_opted_out(to, sender):
            raise TwilioError(21610)
        service = form.get("MessagingServiceSid")
        scheduled = service and form.get("ScheduleType") == "fixed"
        return self._store.add(
            to=to,
            from_number=sender,
            body=body,
            status="scheduled" if scheduled else "accepted" if service else "queued",
            direction="outbound-api",
            segments=count_segments(body),
            messaging_service_sid=service,
            status_callback=_checked_callback(form.get("StatusCallback")),
            validity_period=_checked_validity(form.get("ValidityPeriod")),
            num_media=1 if "MediaUrl" in form else 0,
        )

    def _checked_sender(self, form: Mapping[str, str]) -> str | None:
        """The From of a request; None where a Messaging Service picks one later."""
        sender = form.get("From", "")
        if not sender:
            if not form.get("MessagingServiceSid"):
                raise TwilioError(21603)
            return None
        if magic := MAGIC_FROM.get(sender):
            raise TwilioError(magic, sender)
        if not SENDER.fullmatch(sender):
            raise TwilioError(21212, sender)
        if self._settings.numbers and sender not in self._settings.numbers:
            raise TwilioError(21606, sender)
        return sender

    async def _acknowledge(self, message: Message, fault: Fault | None, request: Request) -> Response:
        """Start delivery and answer, the way `fault` wants it if there is one."""
        resource = message.resource(self._settings.account_sid)
        kind = fault.kind if fault else None
        if kind == "callback_before_response":
            await self._delivery.rush(message)
        else:
            ending = Ending(str(fault.status), fault.code) if fault and fault.code else Ending()
            self._delivery.start(message, ending, wait_seconds=_seconds_until_due(message, request))
        if self.latency_ms:
            await asyncio.sleep(self.latency_ms / 1000)
        if kind == "accept_then_drop":
            return DROP
        if kind == "hang_after_accept" and fault is not None and await request.wait_for_hang_up(fault.seconds):
            return DROP
        if kind == "no_sid":
            del resource["sid"]
        return as_json(resource, 201)

    # Changing

    def _update(self, message: Message, form: Mapping[str, str]) -> Response:
        """Cancel before it is sent, or redact after (https://www.twilio.com/docs/api/errors/30400, 30409)."""
        status, body = form.get("Status"), form.get("Body")
        if (status is None) == (body is None):
            raise TwilioError(30400, "give Status=canceled or an empty Body, and not both")
        if status is not None:
            if status != "canceled":
                raise TwilioError(30400, f"Status={status}")
            if message.status not in CANCELABLE:
                raise TwilioError(30409)
            self._store.set_status(message, "canceled")
        elif body:
            raise TwilioError(30400, "Body can only be emptied")
        elif message.status in CANCELABLE:
            raise TwilioError(20009)
        else:
            message.body = ""
            self._store.set_status(message, message.status, message.error_code)
        return as_json(message.resource(self._settings.account_sid))

    # Reading

    def _list(self, request: Request) -> Response:
        """A page, newest first, with paging fields (https://www.twilio.com/docs/usage/twilios-response#pagination)."""
        query = request.query
        size = _checked_int(query, "PageSize", PAGE_SIZE, least=1, most=MAX_PAGE_SIZE)
        page = _checked_int(query, "Page", 0, least=0, most=10**9)
        before = _checked_token(query.get("PageToken"))
        candidates = self._store.newest_first(to=query.get("To") or None, before=before)
        wanted = self._filter(query)
        skipped = page * size if before is None else 0
        found = list(islice((m for m in candidates if wanted(m)), skipped, skipped + size + 1))
        rows, has_more = found[:size], len(found) > size
        return as_json(
            {
                "first_page_uri": self._page_uri(query, size, 0, None),
                "next_page_uri": self._page_uri(query, size, page + 1, rows[-1]) if has_more else None,
                "previous_page_uri": self._page_uri(query, size, page - 1, None) if page else None,
                "page": page,
                "page_size": size,
                "start": page * size,
                "end": page * size + max(len(rows) - 1, 0),
                "uri": request.uri,
                "messages": [m.resource(self._settings.account_sid) for m in rows],
            }
        )

    def _page_uri(self, query: Mapping[str, str], size: int, page: int, last: Message | None) -> str:
        kept = {k: v for k, v in query.items() if k not in ("Page", "PageSize", "PageToken")}
        paging = {**kept, "PageSize": str(size), "Page": str(page)}
        if last is not None:
            paging["PageToken"] = f"PA{last.number}"
        return f"{self._create_path}?{urlencode(paging)}"

    def _filter(self, query: Mapping[str, str]) -> Callable[[Message], bool]:
        """From and the DateSent filters; a text younger than the list lag is not there yet."""
        newest = time.time() - self.list_lag_seconds if self.list_lag_seconds else float("inf")
        sender = query.get("From")
        days = [
            (compare, _checked_day(query[name], name))
            for name, compare in (("DateSent", _on), ("DateSent>", _from), ("DateSent<", _until))
            if query.get(name)
        ]

        def wanted(message: Message) -> bool:
            if message.accepted_at > newest or (sender and message.from_number != sender):
                return False
            if not days:
                return True
            if message.sent_at is None:
                return False
            sent_on = datetime.fromtimestamp(message.sent_at, UTC).date()
            return all(compare(sent_on, day) for compare, day in days)

        return wanted

    def _account(self) -> Response:
        """The Account resource (https://www.twilio.com/docs/iam/api/account): a way to try credentials."""
        now = rfc2822(int(time.time()))
        return as_json(
            {
                "sid": self._settings.account_sid,
                "auth_token": self._settings.auth_token,
                "friendly_name": "The local Twilio",
                "owner_account_sid": self._settings.account_sid,
                "status": "active",
                "type": "Full",
                "date_created": now,
                "date_updated": now,
                "subresource_uris": {"messages": self._create_path},
                "uri": f"{self._account_path}.json",
            }
        )


def _checked_to(to: str) -> str:
    if not to:
        raise TwilioError(21604)
    if magic := MAGIC_TO.get(to):
        raise TwilioError(magic, to)
    if not E164.fullmatch(to):
        raise TwilioError(21211, to)
    return to


def _checked_callback(url: str | None) -> str | None:
    """Twilio also refuses localhost; here that is where callbacks are wanted."""
    if not url:
        return None
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable:
        raise TwilioError(21609, url)
    return url


def _checked_validity(value: str | None) -> int | None:
    """Seconds (https://www.twilio.com/docs/api/errors/21624)."""
    if value is None:
        return None
    if not (value.isdecimal() and 1 <= int(value) <= MAX_VALIDITY_SECONDS):
        raise TwilioError(21624, value)
    return int(value)


def _checked_int(query: Mapping[str, str], name: str, default: int, *, least: int, most: int) -> int:
    value = query.get(name) or str(default)
    if not value.isdecimal() or int(value) < least:
        raise TwilioError(20001, f"{name}={value}")
    return min(int(value), most)


def _checked_token(token: str | None) -> int | None:
    if not token:
        return None
    if not token.removeprefix("PA").isdecimal():
        raise TwilioError(20001, f"PageToken={token}")
    return int(token.removeprefix("PA"))


def _checked_day(value: str, name: str) -> date:
    """The list filters by day, in UTC; a time of day is accepted and ignored."""
    try:
        return date.fromisoformat(value[:10])
    except ValueError:
        raise TwilioError(20001, f"{name}={value}") from None


def _on(sent: date, day: date) -> bool:
    return sent == day


def _from(sent: date, day: date) -> bool:
    return sent >= day


def _until(sent: date, day: date) -> bool:
    return sent <= day


def _seconds_until_due(message: Message, request: Request) -> float:
    """How long a scheduled text waits for its SendAt (ISO 8601), 0 for any other."""
    if message.status != "scheduled":
        return 0.0
    try:
        due = datetime.fromisoformat(request.form().get("SendAt", ""))
    except ValueError:
        return 0.0
    return max((due if due.tzinfo else due.replace(tzinfo=UTC)).timestamp() - time.time(), 0.0)
