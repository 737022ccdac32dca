"""How often somebody may ask: counted in Redis, in one round trip, and not while it is away (docs/adr/0009)."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import redis
import structlog
from django.conf import settings
from django.http import HttpRequest
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.retry import Retry
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle

from booking_api.client_address import client_network

log = structlog.get_logger(__name__)

# GCRA (https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm): a key holds the moment (µs) at which everything
# that was used will have been regained. Nothing is used where one of the limits refuses.
_TAKE = """
    local time = redis.call('TIME')
    local now = time[1] * 1000000 + time[2]
    local used, is_refused = {}, false
    for i, key in ipairs(KEYS) do
        local cost, window = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
        used[i] = math.max(tonumber(redis.call('GET', key) or 0), now) + cost - now
        is_refused = is_refused or used[i] > window
    end
    for i, key in ipairs(KEYS) do
        if not is_refused then
            redis.call('SET', key, string.format('%.0f', now + used[i]), 'PX', math.ceil(used[i] / 1000))
        end
        used[i] = math.ceil(used[i])
    end
    return used
"""


@dataclass(frozen=True)
class Limit:
    """So many requests in so many seconds, at any speed; of whom is in the name, such as user:7."""

    name: str
    requests: int
    seconds: int

    @property
    def cost_us(self) -> float:
        """How long one request takes to be regained, in µs."""
        return self.seconds * 1e6 / self.requests


@dataclass(frozen=True)
class Verdict:
    """What became of a request: of all limits, the one that is nearest.

    Attributes:
      used_us: after how many µs all that was used is regained; more than the window for a request refused.
    """

    limit: Limit
    used_us: int

    @property
    def is_allowed(self) -> bool:
        return self.used_us <= self.limit.seconds * 1_000_000

    @property
    def wait_seconds(self) -> int:
        return max(1, math.ceil(self.used_us / 1e6 - self.limit.seconds))

    def headers(self) -> dict[str, str]:
        """https://datatracker.ietf.org/doc/html/draft-ietf-httpapi-ratelimit-headers-06"""
        used_us = min(self.used_us, self.limit.seconds * 1_000_000)
        remaining = int((self.limit.seconds * 1_000_000 - used_us) / self.limit.cost_us) if self.is_allowed else 0
        return {
            "RateLimit-Limit": str(self.limit.requests),
            "RateLimit-Remaining": str(remaining),
            "RateLimit-Reset": str(math.ceil(used_us / 1e6)),
            "RateLimit-Policy": f"{self.limit.requests};w={self.limit.seconds}",
        }


class Counters:
    """Scripts that run in Redis. After one that failed, Redis is left alone for a while: nobody waits for it twice."""

    PAUSE_SECONDS = 5.0

    def __init__(self, url: str, timeout_seconds: float) -> None:
        self._client = redis.Redis.from_url(
            url,
            socket_timeout=timeout_seconds,
            socket_connect_timeout=timeout_seconds,
            # One: a pooled connection may have died with the last Redis.
            retry=Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
        )
        self._paused_until = 0.0

    def run(self, script: str, keys: Sequence[str], arguments: Sequence[Any]) -> Any:
        """What the script answers; None while Redis is away."""
        if time.monotonic() < self._paused_until:
            return None
        try:
            return self._client.register_script(script)([f"{settings.COUNTER_PREFIX}{key}" for key in keys], arguments)
        except redis.RedisError as error:
            self._paused_until = time.monotonic() + self.PAUSE_SECONDS
            log.warning("counters_away", error=str(error))
            return None


counters = Counters(settings.REDIS_URL, settings.REDIS_TIMEOUT_SECONDS)


def take(*limits: Limit) -> Verdict | None:
    """Count a request against all of the limits, or, if one of them refuses, against none.

    Returns: None where nothing limits it, or Redis is away.
    """
    limits = tuple(limit for limit in limits if limit.requests)
    if not limits:
        return None
    arguments = [value for limit in limits for value in (limit.cost_us, limit.seconds * 1_000_000)]
    used: list[int] | None = counters.run(_TAKE, [f"limit:{limit.name}" for limit in limits], arguments)
    if used is None:
        return None
    verdicts = [Verdict(limit, used_us) for limit, used_us in zip(limits, used, strict=True)]
    return max(verdicts, key=lambda verdict: verdict.used_us / verdict.limit.seconds)


def limits_of(request: HttpRequest, caller_id: str | None) -> list[Limit]:
    """Of the address that a request comes from, and of the user or API key, where it is known who asks."""
    limits = [Limit(f"ip:{client_network(request)}", settings.RATE_LIMIT_PER_IP, 60)]
    if caller_id is not None:
        is_key = caller_id.startswith("key:")
        per_minute = settings.RATE_LIMIT_PER_API_KEY if is_key else settings.RATE_LIMIT_PER_USER
        limits.append(Limit(caller_id, per_minute, 60))
    return limits


class CallerThrottle(BaseThrottle):
    """The limits of the address that a request comes from, and of the user or API key."""

    def allow_request(self, request: Request, view: Any) -> bool:
        self.verdict = take(*limits_of(request._request, getattr(request.user, "caller_id", None)))
        request._request.rate_limit = self.verdict  # type: ignore[attr-defined]
        return self.verdict is None or self.verdict.is_allowed

    def wait(self) -> int | None:
        return self.verdict.wait_seconds if self.verdict else None


def show(request: Request, response: Response) -> None:
    """Tell in the answer's headers how much is left."""
    verdict: Verdict | None = getattr(request._request, "rate_limit", None)
    if verdict is not None:
        for name, value in verdict.headers().items():
            response[name] = value
