"""APScheduler with jobs in PostgreSQL.

One process, since APScheduler's own guide says that a job store cannot be shared by several, of 16 threads. A late job
is run however late it is (``misfire_grace_time=None``). Jobs are added from outside, so their rows are written as the
scheduler would write them, thousands in one statement, and a NOTIFY tells it to look again: without one it would sleep
until the next job that it knows of.
"""

from __future__ import annotations

import pickle
import select
import signal
import threading
import uuid
from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import psycopg2
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.job import Job
from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.date import DateTrigger

from bench.peers import stores, texts
from bench.peers.peer import Peer

WORKER = "exec python -m bench.peers apscheduler_jobs work"
THREADS = 16
BATCH = 5000
SEND = "bench.peers.apscheduler_jobs:send_text"
CHANNEL = "bench_added"


def send_text(to: str, body: str) -> None:
    texts.send(to, body)


def _store() -> SQLAlchemyJobStore:
    return SQLAlchemyJobStore(url=stores.DATABASE_URL.replace("postgresql://", "postgresql+psycopg2://"))


def add(wanted: Iterable[texts.Text]) -> None:
    store, scheduler, wanted = _store(), BackgroundScheduler(timezone=UTC), iter(wanted)
    while batch := list(islice(wanted, BATCH)):
        with store.engine.begin() as connection:
            connection.execute(store.jobs_t.insert(), [_row(scheduler, text) for text in batch])
    stores.query("ANALYZE apscheduler_jobs")
    stores.query(f"NOTIFY {CHANNEL}")


def _row(scheduler: BackgroundScheduler, text: texts.Text) -> dict[str, Any]:
    due = datetime.fromtimestamp(text.due_at, UTC)
    job = Job(
        scheduler,
        id=uuid.uuid4().hex,
        func=SEND,
        args=(text.to, text.body),
        kwargs={},
        name="text",
        trigger=DateTrigger(due),
        next_run_time=due,
        executor="default",
        misfire_grace_time=None,
        coalesce=True,
        max_instances=1,
    )
    return {"id": job.id, "next_run_time": text.due_at, "job_state": pickle.dumps(job.__getstate__())}


def work() -> None:
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    scheduler = BackgroundScheduler(
        jobstores={"default": _store()},
        executors={"default": ThreadPoolExecutor(THREADS)},
        job_defaults={"misfire_grace_time": None, "coalesce": True},
        timezone=UTC,
    )
    scheduler.start()
    with closing(psycopg2.connect(stores.DATABASE_URL)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f"LISTEN {CHANNEL}")
        scheduler.wakeup()
        while not stop.is_set():
            if select.select([connection], [], [], 1.0)[0]:
                connection.poll()
                connection.notifies.clear()
                scheduler.wakeup()
    scheduler.shutdown()


def clear() -> None:
    store = _store()
    store.jobs_t.create(store.engine, checkfirst=True)
    stores.query("TRUNCATE apscheduler_jobs")


PEER = Peer(
    name="APScheduler (PostgreSQL)",
    workers=(WORKER,),
    add=add,
    stored_bytes=lambda: stores.table_bytes(["apscheduler_jobs"]),
    clear=clear,
    work=work,
)
