"""The Dramatiq broker: Redis carries work that is due now, nothing else (docs/adr/0001).

Dramatiq's own retries, time limits and delays are left out on purpose: the ledger retries, the Twilio client has
its timeout, and a text whose moment lies ahead waits in PostgreSQL.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable
from queue import SimpleQueue
from typing import Any
from uuid import uuid4

import dramatiq
import redis
import structlog
from django.conf import settings
from django.db import close_old_connections
from dramatiq.brokers.redis import RedisBroker, _RedisConsumer
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


class _Consumer(_RedisConsumer):
    """Fetches many messages, and says that many are done, in one round trip each; Dramatiq's own has two for each.

    Should what it says get lost, the messages come again, and find that nothing is owed any more.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._done: SimpleQueue[str] = SimpleQueue()

    @property
    def outstanding_message_count(self) -> int:
        """None are fetched until half of what was has been worked off."""
        count: int = super().outstanding_message_count
        return count if count <= self.prefetch // 2 else self.prefetch

    def ack(self, message: dramatiq.MessageProxy) -> None:
        self._done.put(message.options["redis_message_id"])
        self.queued_message_ids.discard(message.message_id)

    def __next__(self) -> dramatiq.MessageProxy | None:
        if not self.message_cache:
            self._say_what_is_done()
        return super().__next__()

    def close(self) -> None:
        self._say_what_is_done()
        super().close()

    def _say_what_is_done(self) -> None:
        done = [(self._done.get_nowait(),) for _ in range(self._done.qsize())]
        try:
            self.broker.dispatch_many("ack", self.queue_name, done)
        except redis.ConnectionError as error:
            raise dramatiq.ConnectionClosed(error) from None


class PipelinedRedisBroker(RedisBroker):
    """Dramatiq's Redis broker, idling for a shorter time, and doing many things in one round trip."""

    @property
    def consumer_class(self) -> type[_Consumer]:
        return _Consumer

    def declare_queue(self, queue_name: str) -> None:
        """Without the delayed half of it: nothing is ever put there, and each process would look ten times a second."""
        if queue_name not in self.queues:
            self.emit_before("declare_queue", queue_name)
            self.queues.add(queue_name)
            self.emit_after("declare_queue", queue_name)

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = IDLE_WAIT_MS) -> dramatiq.Consumer:
        return super().consume(queue_name, prefetch, min(timeout, IDLE_WAIT_MS))

    def enqueue_many(self, messages: Iterable[dramatiq.Message[Any]]) -> None:
        """Enqueue messages through one Redis pipeline.

        Raises:
          redis.RedisError: Redis did not take them; some may have been enqueued nevertheless.
        """
        by_queue: dict[str, list[tuple[str, bytes]]] = defaultdict(list)
        for message in messages:
            redis_message_id = str(uuid4())
            encoded = message.copy(options={"redis_message_id": redis_message_id}).encode()
            by_queue[message.queue_name].append((redis_message_id, encoded))
        for queue_name, arguments in by_queue.items():
            self.dispatch_many("enqueue", queue_name, arguments)

    def dispatch_many(self, command: str, queue_name: str, arguments: Iterable[tuple[str | bytes, ...]]) -> None:
        """Run a command of Dramatiq's script once for each of ``arguments``, in one round trip; none without any."""
        pipeline = self.client.pipeline(transaction=False)
        for those in arguments:
            self.scripts["dispatch"](
                keys=[self.namespace],
                args=[
                    command,
                    current_millis(),
                    queue_name,
                    self.broker_id,
                    self.heartbeat_timeout,
                    self.dead_message_ttl,
                    0,  # no queue maintenance
                    self._max_unpack_size(),
                    *those,
                ],
                client=pipeline,
            )
        if len(pipeline):
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
