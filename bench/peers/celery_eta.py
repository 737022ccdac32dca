"""Celery with an ETA for each text, on Redis.

Settings, beyond the defaults:

* The visibility timeout is longer than any ETA, as Celery's guide to Redis asks: a shorter one delivers every reminder
  again and again while it waits. The price is that what a killed worker held comes back only then.
* Acknowledged late: with early acknowledgement a kill loses what was being done for good.
* Two workers of eight threads, without gossip, mingle and heartbeat; no results are kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from celery import Celery

from bench.peers import stores, texts
from bench.peers.peer import Peer

WORKER = (
    "exec celery -A bench.peers.celery_eta worker --pool threads --concurrency 8 --loglevel WARNING"
    " --hostname {}@%h --without-gossip --without-mingle --without-heartbeat"
)
TWO_YEARS_SECONDS = 2 * 31_536_000

app = Celery("bench", broker=stores.REDIS_URL)
app.conf.update(
    broker_connection_retry_on_startup=True,
    broker_transport_options={"visibility_timeout": TWO_YEARS_SECONDS},
    task_acks_late=True,
    task_ignore_result=True,
    worker_disable_rate_limits=True,
    worker_timer_precision=0.1,
)


@app.task(name="send_text")
def send_text(to: str, body: str) -> None:
    texts.send(to, body)


def add(wanted: Iterable[texts.Text]) -> None:
    with app.producer_pool.acquire(block=True) as producer:
        for text in wanted:
            due = datetime.fromtimestamp(text.due_at, UTC)
            send_text.apply_async((text.to, text.body), eta=due, producer=producer)


PEER = Peer(
    name="Celery ETA",
    workers=(WORKER.format("one"), WORKER.format("two")),
    add=add,
    stored_bytes=stores.redis_bytes,
    clear=stores.empty_redis,
)
