"""The dispatcher's half of delivery: offer what is due to the workers, and leave the future alone.

Any number of dispatchers may run. What one offers is leased for `SMS_OFFER_LEASE_SECONDS`; if no worker has claimed
it by then (Redis was emptied, the worker died) it is offered again. The queries read the rows that are due and the
first that is not, so they cost the same with ten million texts waiting as with none.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import dramatiq
import redis
import structlog
from django.conf import settings
from django.db import DatabaseError, close_old_connections, connection
from django.db.models.functions import Now

from booking_api.broker import broker
from sms import heartbeats, holds, reconcile
from sms.models import Message

log = structlog.get_logger(__name__)

PAUSE_AFTER_FAULT_SECONDS = 1.0

# Confirmations and cancellations have a lane of their own: a burst of reminders never makes them wait.
LANES: dict[str, tuple[Message.Kind, ...]] = {
    "sms.now": (Message.Kind.CONFIRMATION, Message.Kind.CANCELLATION, Message.Kind.OFFER),
    "sms.reminders": (Message.Kind.REMINDER,),
}

_OFFER = """
    WITH due AS (
        SELECT id FROM sms_message
         WHERE status = 'pending' AND next_attempt_at <= now() AND kind = ANY(%(kinds)s)
           AND (leased_until IS NULL OR leased_until <= now())
           AND (%(only)s::bigint IS NULL OR id = %(only)s)
         ORDER BY next_attempt_at
         LIMIT %(limit)s
           FOR UPDATE SKIP LOCKED)
    UPDATE sms_message message SET leased_until = now() + make_interval(secs => %(lease)s)
      FROM due WHERE message.id = due.id
    RETURNING message.id, message.booking_id, message.kind
"""


@dataclass(frozen=True)
class Offer:
    message_id: int
    booking_id: int
    kind: str


def actor_for(kind: str) -> dramatiq.Actor[..., Any]:
    """The actor that sends this kind of text; `appointment.tasks` declares them under these names."""
    return broker.get_actor(f"send_sms_{kind}")


def offer_due(lane: str, limit: int, only: int | None = None) -> list[Offer]:
    """Lease up to ``limit`` texts of a lane that are due now, and put them into Redis in one round trip.

    Args:
      only: the one message id that may go, while the sender is stopped (`sms.holds`).

    Raises:
      redis.RedisError: Redis did not take them. Their leases are given back first.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _OFFER,
            {
                "kinds": [kind.value for kind in LANES[lane]],
                "limit": limit,
                "only": only,
                "lease": settings.SMS_OFFER_LEASE_SECONDS,
            },
        )
        offers = [Offer(*row) for row in cursor.fetchall()]
    if offers:
        try:
            broker.enqueue_many(actor_for(offer.kind).message(offer.booking_id) for offer in offers)
        except redis.RedisError:
            _give_back(offers)
            raise
    return offers


def _give_back(offers: Sequence[Offer]) -> None:
    Message.objects.filter(
        pk__in=[offer.message_id for offer in offers],
        status=Message.Status.PENDING,
        leased_until__gt=Now(),
    ).update(leased_until=None)


_NEXT_DUE = """
    SELECT extract(epoch FROM min(next_attempt_at) - now())::float FROM sms_message
     WHERE status = 'pending' AND (leased_until IS NULL OR leased_until <= now())
"""


def look() -> float:
    """Offer what is due. Most looks of a day find nothing; then one statement is all that they cost.

    Returns: seconds until the next look. It is at the very moment when the next text is due, if that is soon.
    """
    with connection.cursor() as cursor:
        cursor.execute(_NEXT_DUE)
        ((due_in_seconds,),) = cursor.fetchall()
    interval_seconds: float = settings.SMS_DISPATCH_INTERVAL_SECONDS
    if due_in_seconds is None or due_in_seconds > 0:
        return min(interval_seconds, due_in_seconds or interval_seconds)
    return 0.0 if offer_lanes() else interval_seconds


def offer_lanes() -> int:
    """Offer what is due in every lane; never more than Redis should hold. Returns how many texts were offered."""
    hold = holds.current()
    if hold is not None and hold.probe_id is None:
        return 0
    offered = 0
    for lane in LANES:
        room = settings.SMS_QUEUE_LIMIT - broker.queue_length(lane)
        if room > 0:
            limit = min(room, settings.SMS_DISPATCH_BATCH)
            offered += len(offer_due(lane, limit, only=hold.probe_id if hold else None))
    return offered


@dataclass(frozen=True)
class Chore:
    """Something a dispatcher does beside offering, every ``interval_seconds``."""

    run: Callable[[], object]
    interval_seconds: float


class Dispatcher:
    """Offers due texts until told to stop; its chores run in a thread of their own, so a slow one delays no text."""

    def __init__(self, chores: Sequence[Chore]) -> None:
        self._chores = chores
        self._stopping = threading.Event()

    def stop(self) -> None:
        self._stopping.set()

    def run(self) -> None:
        """Work until `stop`; faults of PostgreSQL and Redis are waited out."""
        housekeeping = threading.Thread(target=self._keep_house, name="housekeeping")
        housekeeping.start()
        log.info("dispatcher_started")
        while not self._stopping.is_set():
            self._stopping.wait(self._guarded(look, pause=PAUSE_AFTER_FAULT_SECONDS) or 0.0)
        housekeeping.join(timeout=5)
        log.info("dispatcher_stopped")

    def _keep_house(self) -> None:
        next_run = dict.fromkeys(range(len(self._chores)), 0.0)
        while not self._stopping.is_set():
            for number, chore in enumerate(self._chores):
                if time.monotonic() >= next_run[number]:
                    self._guarded(chore.run)
                    next_run[number] = time.monotonic() + chore.interval_seconds
            self._stopping.wait(0.25)
        connection.close()

    def _guarded(self, work: Callable[[], Any], pause: float = 0.0) -> Any:
        try:
            close_old_connections()
            return work()
        except (DatabaseError, redis.RedisError) as error:
            log.warning("dispatcher_waits", cause=type(error).__name__, detail=str(error).strip()[:200])
        except Exception:
            log.exception("dispatcher_fault")
        self._stopping.wait(pause)
        return None


CHORES = [
    Chore(partial(heartbeats.beat, heartbeats.DISPATCHER), interval_seconds=heartbeats.INTERVAL_SECONDS),
    Chore(reconcile.trace_unknown, interval_seconds=1.0),
    Chore(holds.choose_probe, interval_seconds=2.0),
]


def add_chore(chore: Chore) -> None:
    """For an app above the one whose command runs the dispatcher; called when the app is ready."""
    CHORES.append(chore)
