"""Against guessing passwords: each further attempt waits longer (docs/adr/0009).

Three counts, of attempts that have not succeeded: for an account from one address, for an account from anywhere, for
an address over all accounts. They are forgotten slowly. An address from which the account logged in before is spared
the second one, so that a stranger's guessing keeps nobody out of their own account.
"""

from __future__ import annotations

import hashlib
import math
import threading
import time
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest

from booking_api.client_address import client_network
from booking_api.rate_limits import counters

FAMILIAR_FOR_SECONDS = 30 * 86_400
FIRST_WAIT_SECONDS = 1
# While Redis is away: how long an attempt takes, and how many may be under way in this process.
SLOW_ATTEMPT_SECONDS = 1.0
SLOW_ATTEMPTS_AT_ONCE = 2

# Moments in ms. Counts leak: one attempt is forgotten every so many ms.
_ATTEMPT = """
    local time = redis.call('TIME')
    local now = time[1] * 1000 + math.floor(time[2] / 1000)
    local is_familiar = redis.call('EXISTS', KEYS[4]) == 1
    local counts, wait = {}, 0
    for i = 1, 3 do
        local free, longest, forget = tonumber(ARGV[3 * i - 2]), tonumber(ARGV[3 * i - 1]), tonumber(ARGV[3 * i])
        local stored = redis.call('HMGET', KEYS[i], 'count', 'at')
        local at = tonumber(stored[2] or now)
        counts[i] = math.max(0, tonumber(stored[1] or 0) - (now - at) / forget)
        local over = math.ceil(counts[i]) - free
        if over >= 0 and not (i == 2 and is_familiar) then
            wait = math.max(wait, at + math.min(longest, ARGV[10] * 2 ^ over) - now)
        end
    end
    if wait > 0 then
        return math.ceil(wait)
    end
    for i = 1, 3 do
        redis.call('HSET', KEYS[i], 'count', tostring(counts[i] + 1), 'at', string.format('%.0f', now))
        redis.call('PEXPIRE', KEYS[i], math.ceil((counts[i] + 1) * ARGV[3 * i]))
    end
    return 0
"""
_SUCCESS = """
    redis.call('DEL', KEYS[1], KEYS[2])
    if redis.call('EXISTS', KEYS[3]) == 1 then
        redis.call('HINCRBYFLOAT', KEYS[3], 'count', -1)
    end
    redis.call('SET', KEYS[4], 1, 'EX', ARGV[1])
    return 0
"""

_slow_lane = threading.BoundedSemaphore(SLOW_ATTEMPTS_AT_ONCE)


class TooManyAttempts(Exception):
    """Another attempt may be made after this time, and not before."""

    def __init__(self, wait_seconds: int) -> None:
        super().__init__(f"Too many attempts. Try again in {wait_seconds} s.")
        self.wait_seconds = wait_seconds


@dataclass(frozen=True)
class Attempt:
    """An attempt to prove by password who one is; whether there is such an account makes no difference."""

    keys: tuple[str, str, str, str]

    def succeeded(self) -> None:
        """Forget the failures before it, and know the address from now on."""
        counters.run(_SUCCESS, self.keys, [FAMILIAR_FOR_SECONDS])


def begin(request: HttpRequest, email: str) -> Attempt:
    """Count an attempt before its password is looked at, so that many at once are no way around the count.

    Raises:
      TooManyAttempts: it comes too early.
    """
    account = hashlib.sha256(email.strip().lower().encode()).hexdigest()[:32]
    network = client_network(request)
    attempt = Attempt(
        (
            f"guess:{account}:{network}",
            f"guess:{account}",
            f"guess:{network}",
            f"familiar:{account}:{network}",
        )
    )
    wait_ms: int | None = counters.run(_ATTEMPT, attempt.keys, _policy())
    if wait_ms is None:
        _go_slowly()
    elif wait_ms:
        raise TooManyAttempts(math.ceil(wait_ms / 1000))
    return attempt


def _policy() -> list[int]:
    """For each count: free attempts, longest wait (ms), how soon one is forgotten (ms); then the first wait (ms)."""
    free, per_ip = settings.LOGIN_FREE_ATTEMPTS, settings.LOGIN_FREE_ATTEMPTS_PER_IP
    counts = [free, 900_000, 900_000, 2 * free, 30_000, 60_000, per_ip, 300_000, 60_000]
    return [*counts, 1000 * FIRST_WAIT_SECONDS]


def _go_slowly() -> None:
    if not _slow_lane.acquire(blocking=False):
        raise TooManyAttempts(math.ceil(2 * SLOW_ATTEMPT_SECONDS))
    try:
        time.sleep(SLOW_ATTEMPT_SECONDS)
    finally:
        _slow_lane.release()
