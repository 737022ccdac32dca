"""Doing things at the same time: each in a thread with a database connection of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from django.db import connection

_pool = ThreadPoolExecutor(64, thread_name_prefix="race")


def in_thread(act: Callable[[], Any]) -> Future[Any]:
    """Start ``act`` in a thread; its result, or what it raised, is in the future returned."""

    def run() -> Any:
        try:
            return act()
        finally:
            connection.close()

    return _pool.submit(run)


def race(*acts: Callable[[], Any], seconds: float = 20.0) -> list[Any]:
    """Let every one of ``acts`` start at the same moment. Returns their results; raises what the first raised."""
    start = threading.Barrier(len(acts))

    def started(act: Callable[[], Any]) -> Callable[[], Any]:
        def run() -> Any:
            connection.ensure_connection()
            start.wait(seconds)
            return act()

        return run

    return [future.result(seconds) for future in [in_thread(started(act)) for act in acts]]


def wait_for_lock(seconds: float = 5.0) -> None:
    """Return once some other connection of this database waits for a lock."""
    give_up_at = time.monotonic() + seconds
    while time.monotonic() < give_up_at:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE datname = current_database() AND wait_event_type = 'Lock' AND pid <> pg_backend_pid()"
            )
            if cursor.fetchone()[0]:
                return
        time.sleep(0.01)
    raise AssertionError("nobody came to wait for a lock")
