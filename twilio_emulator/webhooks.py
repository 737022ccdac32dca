"""Signed webhooks: how Twilio calls an application back, and how often it tries.

Signature: https://www.twilio.com/docs/usage/webhooks/webhooks-security. Retries and timeouts, with the
`#rc=5&rp=all` fragment: https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs, urlencode

import aiohttp
from yarl import URL

CONCURRENCY = 32
QUEUE_LIMIT = 200_000
PAUSE_BETWEEN_ATTEMPTS_SECONDS = 0.1
TIMEOUT = aiohttp.ClientTimeout(total=15, sock_connect=5)
POLICIES = frozenset({"4xx", "5xx", "ct", "rt"})


def sign(auth_token: str, url: str, params: Mapping[str, str]) -> str:
    """X-Twilio-Signature: base64 of HMAC-SHA1 over the URL and each field's name and value, sorted."""
    signed = url + "".join(name + params[name] for name in sorted(params))
    return base64.b64encode(hmac.digest(auth_token.encode(), signed.encode(), "sha1")).decode()


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """`retries` (0 to 5) after the first attempt, on the failures in `on`. Twilio's default: one, on ct."""

    retries: int = 1
    on: frozenset[str] = frozenset({"ct"})

    @classmethod
    def from_fragment(cls, fragment: str) -> RetryPolicy:
        overrides = parse_qs(fragment)
        count = overrides.get("rc", ["1"])[-1]
        policies = set(",".join(overrides.get("rp", ["ct"])).split(","))
        on = POLICIES if "all" in policies else POLICIES & policies
        return cls(min(int(count), 5) if count.isdecimal() else 1, on)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a webhook ended: an HTTP `status`, or None and an `error` for a person to read."""

    url: str
    status: int | None = None
    error: str | None = None
    body: str = ""
    attempts: int = 1
    failure: str | None = None

    @property
    def ok(self) -> bool:
        return self.status is not None and self.status < 400


class Webhooks:
    """Posts webhooks from a queue, `CONCURRENCY` at a time, so that creates never wait for them."""

    def __init__(self, auth_token: str) -> None:
        self._auth_token = auth_token
        self._queue: asyncio.Queue[tuple[str, dict[str, str]]] = asyncio.Queue(QUEUE_LIMIT)
        self._workers: list[asyncio.Task[None]] = []
        self._session: aiohttp.ClientSession | None = None
        self.counts: Counter[str] = Counter()

    async def start(self) -> None:
        self._session = aiohttp.ClientSession(
            timeout=TIMEOUT,
            connector=aiohttp.TCPConnector(limit=2 * CONCURRENCY),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": "TwilioProxy/1.1"},
            skip_auto_headers=["Accept-Encoding"],
        )
        self._workers = [asyncio.create_task(self._work()) for _ in range(CONCURRENCY)]

    async def stop(self) -> None:
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    @property
    def waiting(self) -> int:
        return self._queue.qsize()

    def enqueue(self, url: str, params: dict[str, str]) -> None:
        """Send as soon as a worker is free; past `QUEUE_LIMIT` waiting ones it is dropped and counted."""
        try:
            self._queue.put_nowait((url, params))
        except asyncio.QueueFull:
            self.counts["dropped"] += 1

    def clear(self) -> None:
        while not self._queue.empty():
            self._queue.get_nowait()
        self.counts.clear()

    async def _work(self) -> None:
        while True:
            url, params = await self._queue.get()
            await self.post(url, params)

    async def post(self, url: str, params: Mapping[str, str]) -> Outcome:
        """POST the form, signed, with the retries that the URL's fragment asks for. Never raises."""
        target, _, fragment = url.partition("#")
        policy = RetryPolicy.from_fragment(fragment)
        attempt = 1
        while True:
            outcome = await self._attempt(target, params, attempt)
            if outcome.failure not in policy.on or attempt > policy.retries:
                break
            attempt += 1
            await asyncio.sleep(PAUSE_BETWEEN_ATTEMPTS_SECONDS)
        self.counts["delivered" if outcome.ok else "failed"] += 1
        return outcome

    async def _attempt(self, url: str, params: Mapping[str, str], attempt: int) -> Outcome:
        assert self._session is not None, "start() comes first"  # noqa: S101
        headers = {
            "X-Twilio-Signature": sign(self._auth_token, url, params),
            "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
        }
        self.counts["attempts"] += 1
        try:
            async with self._session.post(
                URL(url, encoded=True), data=urlencode(params), headers=headers, allow_redirects=False
            ) as answer:
                body = await answer.text(errors="replace")
                failure = f"{answer.status // 100}xx" if answer.status >= 400 else None
                return Outcome(url, answer.status, body=body, attempts=attempt, failure=failure)
        except aiohttp.ClientConnectorError as error:
            reason = _reason(error.os_error)
            return Outcome(url, error=f"no connection: {reason}", attempts=attempt, failure="ct")
        except aiohttp.ConnectionTimeoutError:
            return Outcome(url, error="no connection: timed out", attempts=attempt, failure="ct")
        except (TimeoutError, aiohttp.ClientError, ValueError) as error:
            reason = "no answer in time" if isinstance(error, TimeoutError) else f"no answer: {error}"
            return Outcome(url, error=reason, attempts=attempt, failure="rt")


def _reason(error: OSError) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "connection refused, nothing listens there"
    return error.strerror or str(error)
