"""Everything behind pgbouncer in transaction mode, where each transaction may come to another session of PostgreSQL."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from bench import ledger
from devstack.ports import any_free
from tests.processes import Stack

POOL_SIZE = 6
PGBOUNCER = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")


@pytest.fixture
def pooled(tmp_path: Path) -> Iterator[Stack]:
    """A stack whose processes know PostgreSQL only through a pool of six sessions."""
    if PGBOUNCER is None:
        pytest.skip("pgbouncer is needed for this, and none was found (Debian: apt-get install pgbouncer)")
    with Stack(counts={"twilio": 1}) as stack:
        url, port = urlsplit(stack.database_url), any_free()
        settings, users = tmp_path / "pgbouncer.ini", tmp_path / "users.txt"
        users.write_text(f'"{url.username}" "{url.password}"\n')
        settings.write_text(
            f"[databases]\n* = host={url.hostname} port={url.port}\n[pgbouncer]\nlisten_addr=127.0.0.1\n"
            f"listen_port={port}\nauth_type=scram-sha-256\nauth_file={users}\npool_mode=transaction\n"
            f"default_pool_size={POOL_SIZE}\nmax_client_conn=500\nunix_socket_dir=\n"
        )
        pgbouncer = subprocess.Popen([PGBOUNCER, *_as_nobody(tmp_path), str(settings)], stderr=subprocess.DEVNULL)
        try:
            _until_it_listens(port)
            stack.environ["DATABASE_URL"] = url._replace(
                netloc=f"{url.username}:{url.password}@127.0.0.1:{port}"
            ).geturl()
            for name in ("web", "worker", "dispatcher"):
                stack.add(name)
            stack.wait_until_ready()
            yield stack
        finally:
            pgbouncer.terminate()
            pgbouncer.wait(timeout=10)


def _as_nobody(directory: Path) -> list[str]:
    """Root it refuses to be; then it must be able to read what stands in the directory."""
    if os.geteuid() != 0:
        return []
    for path in (directory, *directory.iterdir()):
        shutil.chown(path, pwd.getpwnam("nobody").pw_uid)
    for parent in directory.parents[:2]:
        parent.chmod(0o755)
    return ["-u", "nobody"]


def _until_it_listens(port: int) -> None:
    give_up_at = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert time.monotonic() < give_up_at, "pgbouncer does not listen"
            time.sleep(0.05)
        else:
            return


def test_bookings_and_a_burst_go_through_six_sessions(pooled: Stack) -> None:
    salon = pooled.seed(salons=1, customers=200)[0]
    api = pooled.login(salon.owner)
    at = datetime.now(UTC) + timedelta(days=3)

    def book(number: int) -> int:
        booked = api.book(salon, salon.customers[number], at + timedelta(hours=number), column_id=1)
        return int(booked["id"])

    with ThreadPoolExecutor(16) as pool:
        bookings = list(pool.map(book, range(100)))
    api.move(bookings[0], at + timedelta(days=30))
    api.cancel(bookings[1])
    api.delete(bookings[2])
    api.set_reminder_minutes(salon, 90)
    exported = requests.get(
        f"{pooled.base_url}/salons/{salon.id}/export/?what=customers",
        headers={"Authorization": f"Bearer {api._token}"},
        timeout=30,
    )
    assert len(exported.text.splitlines()) == 201

    burst = ledger.add_burst(pooled, salon, 500, due_in_seconds=1.0)
    assert len(ledger.wait_until_sent(pooled, burst, 60)) == 500
    texts = Counter(text["to"] for text in pooled.twilio.wait_for_messages(100 + 3 + 500, timeout_seconds=30))
    assert sum(texts.values()) == 603
    sessions = pooled.query(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'"
    )
    assert sessions[0][0] <= POOL_SIZE
