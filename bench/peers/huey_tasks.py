"""huey with scheduled tasks, on Redis.

Two consumers of eight threads. Both look for due tasks once a second, the shortest interval that huey takes; a thread
waits for work with a blocking pop. No results, no periodic tasks. huey has no acknowledgement: what a consumer has
taken is lost with it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from huey import RedisHuey

from bench.peers import stores, texts
from bench.peers.peer import Peer

CONSUMER = (
    "exec huey_consumer bench.peers.huey_tasks.huey --workers 8 --worker-type thread --scheduler-interval 1"
    " --no-periodic --quiet"
)

huey = RedisHuey("bench", url=stores.REDIS_URL, results=False, utc=True)


@huey.task()
def send_text(to: str, body: str) -> None:
    texts.send(to, body)


def add(wanted: Iterable[texts.Text]) -> None:
    for text in wanted:
        send_text.schedule((text.to, text.body), eta=datetime.fromtimestamp(text.due_at, UTC))


PEER = Peer(
    name="huey",
    workers=(CONSUMER, CONSUMER),
    add=add,
    stored_bytes=stores.redis_bytes,
    clear=stores.empty_redis,
)
