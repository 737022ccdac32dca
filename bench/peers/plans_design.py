"""Dramatiq's delay queue, as the product's first plan had it (docs/adr/0001).

Settings, beyond the defaults:

* A worker looks at an empty queue every 100 ms instead of every second (``dramatiq_worker_timeout``).
* ``dramatiq_delay_queue_prefetch`` is ten million: a worker process prefetches delayed messages in order of arrival,
  8,000 by default, and with more than 16,000 ahead of them the due ones would not be seen at all. All of them then
  stand in the memory of the two processes.
* A process that has not been heard of for 10 s counts as dead (60 s by default), and one command in ten looks for such
  (one in a thousand), so that what a killed process held comes back soon.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from bench.peers import stores, texts
from bench.peers.peer import Peer

WORKER = (
    "dramatiq_worker_timeout=100 dramatiq_delay_queue_prefetch=10000000"
    " exec dramatiq bench.peers.plans_design:broker --processes 2 --threads 8"
)

broker = RedisBroker(url=stores.REDIS_URL, heartbeat_timeout=10_000, maintenance_chance=100_000)


@dramatiq.actor(broker=broker)
def send_text(to: str, body: str) -> None:
    texts.send(to, body)


def add(wanted: Iterable[texts.Text]) -> None:
    for text in wanted:
        delay_ms = max(0, round((text.due_at - time.time()) * 1000))
        send_text.send_with_options(args=(text.to, text.body), delay=delay_ms)


PEER = Peer(
    name="plan's design (Dramatiq delays)",
    workers=(WORKER,),
    add=add,
    stored_bytes=stores.redis_bytes,
    clear=stores.empty_redis,
)
