"""Signs of life of the processes that no HTTP request reaches."""

from __future__ import annotations

import threading
from datetime import datetime

import dramatiq
import structlog
from django.db import DatabaseError, close_old_connections, connection

from sms.models import Heartbeat

log = structlog.get_logger(__name__)

INTERVAL_SECONDS = 5.0
WORKER, DISPATCHER = "worker", "dispatcher"


def beat(process: str) -> None:
    """Note that a process of this kind is at work, on the database's clock."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO sms_heartbeat (process, at) VALUES (%s, now())"
            " ON CONFLICT (process) DO UPDATE SET at = excluded.at",
            [process],
        )


def last_beats() -> dict[str, datetime]:
    """When each kind was last seen; one never seen is absent."""
    return dict(Heartbeat.objects.values_list("process", "at"))


class WorkerHeartbeat(dramatiq.Middleware):
    """Beats from every worker process, in a thread of its own."""

    def __init__(self) -> None:
        self._stopping = threading.Event()

    def after_worker_boot(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        threading.Thread(target=self._beat_on, name="heartbeat", daemon=True).start()

    def before_worker_shutdown(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        self._stopping.set()

    def _beat_on(self) -> None:
        while not self._stopping.is_set():
            try:
                close_old_connections()
                beat(WORKER)
            except DatabaseError as error:
                log.warning("heartbeat_missed", detail=str(error).strip()[:200])
            self._stopping.wait(INTERVAL_SECONDS)
        connection.close()
