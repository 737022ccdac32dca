"""RQ with the scheduler of its workers.

RQ has no threads: a pool of 16 workers that run jobs in their own process (``SimpleWorker``), not in a fork for each
job, which costs several times as much. The scheduler looks once a second; the interval cannot be set. Jobs leave no
result and are tried again if their worker dies. Workers look for such every 10 s (600 s by default), but RQ takes a job
for lost only 60 s after its time limit, here 10 s.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import redis
from rq import Queue, Retry, SimpleWorker

from bench.peers import stores, texts
from bench.peers.peer import Peer

POOL = (
    f"exec rq worker-pool texts --url {stores.REDIS_URL} --num-workers 16"
    " --worker-class bench.peers.rq_scheduled.Worker --logging-level WARNING"
)
PIPELINE = 1000
JOB_SECONDS, LOOK_FOR_LOST_SECONDS = 10, 10


class Worker(SimpleWorker):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options, maintenance_interval=LOOK_FOR_LOST_SECONDS)


def send_text(to: str, body: str) -> None:
    texts.send(to, body)


def add(wanted: Iterable[texts.Text]) -> None:
    queue = Queue("texts", connection=redis.Redis.from_url(stores.REDIS_URL), default_timeout=JOB_SECONDS)
    pipeline = queue.connection.pipeline()
    for number, text in enumerate(wanted, start=1):
        job = queue.create_job(
            "bench.peers.rq_scheduled.send_text",
            args=(text.to, text.body),
            description="text",
            result_ttl=0,
            failure_ttl=3600,
            retry=Retry(max=3),
        )
        queue.schedule_job(job, datetime.fromtimestamp(text.due_at, UTC), pipeline=pipeline)
        if number % PIPELINE == 0:
            pipeline.execute()
    pipeline.execute()


PEER = Peer(
    name="RQ with its scheduler",
    workers=(POOL,),
    add=add,
    stored_bytes=stores.redis_bytes,
    clear=stores.empty_redis,
)
