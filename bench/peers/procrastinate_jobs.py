"""procrastinate, in PostgreSQL.

Settings, beyond the defaults:

* A worker looks for due jobs every 0.1 s (5 s by default): nothing wakes it when a job's time has come.
* Two workers of eight jobs at a time, each with as many threads; asyncio's own pool would have six on two cores.
* Done jobs are deleted.
* A worker that has not been heard of for 10 s counts as dead (30 s by default), and its jobs are done again, as
  procrastinate's guide to stalled jobs has it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import islice

import procrastinate
from procrastinate.jobs import Job

from bench.peers import stores, texts
from bench.peers.peer import Peer

WORKER = "exec python -m bench.peers procrastinate_jobs work"
THREADS = 8
HEARTBEAT_SECONDS, DEAD_AFTER_SECONDS, LOOK_FOR_DEAD_SECONDS = 2.0, 10.0, 5.0
BATCH = 1000
TABLES = ("procrastinate_jobs", "procrastinate_events")

app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=stores.DATABASE_URL, max_size=THREADS + 2))


@app.task(name="send_text")
def send_text(to: str, body: str) -> None:
    texts.send(to, body)


def add(wanted: Iterable[texts.Text]) -> None:
    asyncio.run(_add(iter(wanted)))
    stores.query("ANALYZE procrastinate_jobs, procrastinate_events")


async def _add(wanted: Iterator[texts.Text]) -> None:
    async with app.open_async():
        while batch := list(islice(wanted, BATCH)):
            await app.job_manager.batch_defer_jobs_async([_job(text) for text in batch])


def _job(text: texts.Text) -> Job:
    due = datetime.fromtimestamp(text.due_at, UTC)
    return send_text.configure(schedule_at=due).make_new_job(to=text.to, body=text.body)


def work() -> None:
    asyncio.run(_work())


async def _work() -> None:
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS))
    async with app.open_async():
        again = asyncio.create_task(_do_again_what_the_dead_left())
        await app.run_worker_async(
            concurrency=THREADS,
            fetch_job_polling_interval=0.1,
            delete_jobs="always",
            update_heartbeat_interval=HEARTBEAT_SECONDS,
            stalled_worker_timeout=DEAD_AFTER_SECONDS,
        )
        again.cancel()


async def _do_again_what_the_dead_left() -> None:
    while True:
        await asyncio.sleep(LOOK_FOR_DEAD_SECONDS)
        for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=DEAD_AFTER_SECONDS):
            await app.job_manager.retry_job(job)


def clear() -> None:
    if stores.query("SELECT to_regclass('procrastinate_jobs')") == [(None,)]:
        with app.open():
            app.schema_manager.apply_schema()
    stores.query(
        "TRUNCATE procrastinate_jobs, procrastinate_events, procrastinate_workers, procrastinate_periodic_defers"
    )


PEER = Peer(
    name="procrastinate",
    workers=(WORKER, WORKER),
    add=add,
    stored_bytes=lambda: stores.table_bytes(TABLES),
    clear=clear,
    work=work,
)
