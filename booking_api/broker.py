"""The Dramatiq broker: Redis carries work that is due now, nothing else (docs/adr/0001).

Dramatiq's own retries, time limits and delays are left out on purpose: the ledger retries, the Twilio client has
its timeout, and a text whose moment lies ahead waits in PostgreSQL.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any
from uuid import uuid4

import dramatiq
import redis
import structlog
from django.conf import settings
from django.db import close_old_connections
from dramatiq.brokers.redis import RedisBroker
from dramatiq.common import current_millis
from redis.backoff import NoBackoff
from redis.retry import Retry

log = structlog.get_logger(__name__)

DEAD_MESSAGE_TTL_MS = 3_600_000
# Dramatiq's own 1,000 ms between looks at an empty queue would be most of a text's lateness.
IDLE_WAIT_MS = 100


class DatabaseConnections(dramatiq.Middleware):
    """Give a task a live connection: one that broke since the thread's last task is replaced."""

    def before_process_message(self, broker: dramatiq.Broker, message: dramatiq.MessageProxy) -> None:
        close_old_connections()

    def after_process_message(
        self,
        broker: dramatiq.Broker,
        message: dramatiq.MessageProxy,
        *,
        result: Any = None,
        exception: BaseException | None = None,
    ) -> None:
        close_old_connections()


class PipelinedRedisBroker(RedisBroker):
    """Dramatiq's Redis broker, idling for a shorter time, and able to take many messages in one round trip."""

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = IDLE_WAIT_MS) -> dramatiq.Consumer:
        return super().consume(queue_name, prefetch, min(timeout, IDLE_WAIT_MS))

    def enqueue_many(self, messages: Iterable[dramatiq.Message[Any]]) -> None:
        """Enqueue messages through one Redis pipeline.

        Raises:
          redis.RedisError: Redis did not take them; some may have been enqueued nevertheless.
        """
        pipeline = self.client.pipeline(transaction=False)
        for message in messages:
            redis_message_id = str(uuid4())
            self.scripts["dispatch"](
                keys=[self.namespace],
                args=[
                    "enqueue",
                    current_millis(),
                    message.queue_name,
                    self.broker_id,
                    self.heartbeat_timeout,
                    self.dead_message_ttl,
                    0,  # no queue maintenance
                    self._max_unpack_size(),
                    redis_message_id,
                    message.copy(options={"redis_message_id": redis_message_id}).encode(),
                ],
                client=pipeline,
            )
        pipeline.execute()

    def queue_length(self, queue_name: str) -> int:
        """How many messages wait in Redis for a worker to fetch them."""
        return int(self.client.llen(f"{self.namespace}:{queue_name}"))


class Nudge:
    """Enqueues right after a commit, to save the dispatcher's next look; may fail at no cost but seconds.

    A Redis that hangs must not hang every booking: after a failure the nudges pause for a while.
    """

    PAUSE_SECONDS = 10.0

    def __init__(self) -> None:
        self._paused_until = 0.0

    def __call__(self, actor: dramatiq.Actor[..., Any], booking_id: int) -> None:
        if time.monotonic() < self._paused_until:
            return
        try:
            actor.send(booking_id)
        except redis.RedisError as error:
            self._paused_until = time.monotonic() + self.PAUSE_SECONDS
            log.warning("nudge_failed", booking_id=booking_id, error=str(error))


def make_broker(url: str) -> PipelinedRedisBroker:
    """A broker whose calls give up after ``REDIS_TIMEOUT_SECONDS`` instead of waiting for ever."""
    client = redis.Redis.from_url(
        url,
        socket_timeout=settings.REDIS_TIMEOUT_SECONDS,
        socket_connect_timeout=settings.REDIS_TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 1),  # one: a pooled connection may have died with the last Redis
    )
    return PipelinedRedisBroker(client=client, middleware=[DatabaseConnections()], dead_message_ttl=DEAD_MESSAGE_TTL_MS)


broker = make_broker(settings.REDIS_URL)
dramatiq.set_broker(broker)
nudge = Nudge()
