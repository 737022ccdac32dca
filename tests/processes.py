"""Real processes for tests: the Procfile's commands against PostgreSQL and Valkey of one's own, on free ports.

::

    with Stack(counts={"web": 1, "worker": 2, "dispatcher": 2, "twilio": 1}) as stack:
        salon = stack.seed(salons=1, customers=10)[0]
        api = stack.login(salon.owner)
        api.book(salon, salon.customers[0], in_an_hour)
        stack.units["worker"][0].kill()
        stack.twilio.wait_for_messages(1)

Leaving the block stops everything, and a watchdog does so should the test itself be killed.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psutil  # type: ignore[import-untyped]
import psycopg2
import requests

from devstack import environment
from devstack.embedded import remove
from devstack.guard import Guard
from devstack.paths import CHECKOUT, TEST_DATA
from devstack.ports import HOST, choose
from devstack.processes import MARK
from devstack.servers import Postgres, Valkey
from twilio_emulator.client import EmulatorClient

DEFAULT_COUNTS = {"web": 1, "worker": 1, "dispatcher": 1, "twilio": 1}
READY_SECONDS = 60.0
STOP_SECONDS = 12.0
REQUEST_TIMEOUT_SECONDS = 30.0


def procfile() -> dict[str, str]:
    """The commands of the Procfile by name."""
    lines = (line for line in (CHECKOUT / "Procfile").read_text().splitlines() if line.strip() and line[0] != "#")
    return {name.strip(): command.strip() for name, command in (line.split(":", 1) for line in lines)}


class Unit:
    """One line of the Procfile, running: a process and its children, in a session of their own."""

    def __init__(self, name: str, command: str, environ: Mapping[str, str], log: Path) -> None:
        self.name, self.command, self.log = name, command, log
        self.environ = dict(environ)
        self._process: subprocess.Popen[bytes] | None = None
        self._is_told_to_stop = False

    def __repr__(self) -> str:
        return f"<{self.name} {self._process.pid if self._process else 'not started'}>"

    @property
    def pid(self) -> int:
        assert self._process is not None, f"{self.name} was never started"
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        self._is_told_to_stop = False
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", self.command],
                cwd=CHECKOUT,
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def pids(self) -> list[int]:
        """The process and all its descendants, or what is left of them after its end."""
        if self._process is None:
            return []
        return [pid for pid in psutil.pids() if _session_of(pid) == self._process.pid]

    def signal(self, number: int) -> None:
        """Signal the main process, as a supervisor does."""
        if self.is_running:
            os.kill(self.pid, number)

    def signal_all(self, number: int) -> None:
        """Signal the process and its children."""
        for pid in self.pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def freeze(self) -> None:
        self.signal_all(signal.SIGSTOP)

    def thaw(self) -> None:
        self.signal_all(signal.SIGCONT)

    def kill(self) -> None:
        """kill -9 of the process and its children, and their end awaited."""
        while self.pids():
            self.signal_all(signal.SIGKILL)
            if self._process is not None:
                self._process.poll()
            time.sleep(0.01)
        if self._process is not None:
            self._process.wait()

    def terminate(self) -> None:
        """SIGTERM, once: a second one makes Dramatiq drop what it is doing."""
        if not self._is_told_to_stop:
            self._is_told_to_stop = True
            self.signal(signal.SIGTERM)

    def stop(self, seconds: float = STOP_SECONDS) -> None:
        """SIGTERM, unless it has had it; kill -9 for what is left after ``seconds``."""
        self.terminate()
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(seconds)
        self.kill()

    def restart(self) -> None:
        """What a supervisor does with a process that has ended: clear away its children, start it again."""
        self.kill()
        self.start()


def _session_of(pid: int) -> int | None:
    """The session of a process; None once it has ended, reaped or not."""
    try:
        return None if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE else os.getsid(pid)
    except (psutil.Error, OSError):
        return None


@dataclass(frozen=True)
class Login:
    user_id: int
    email: str
    password: str


@dataclass(frozen=True)
class SeededCustomer:
    id: int
    full_name: str
    phone_number: str


@dataclass(frozen=True)
class SeededSalon:
    """A salon of the database, its owner, and customers each with a phone of their own."""

    id: int
    name: str
    owner: Login
    customers: tuple[SeededCustomer, ...]


class BookingApi:
    """The product's API over HTTP, as one member of staff; safe to share between threads.

    Every call raises `requests.RequestException`; an HTTP error is a `requests.HTTPError`.
    """

    def __init__(self, base_url: str, token: str, timeout_seconds: float = REQUEST_TIMEOUT_SECONDS) -> None:
        self.base_url, self._token, self._timeout_seconds = base_url, token, timeout_seconds
        self._thread = threading.local()

    def call(self, method: str, path: str, **body: Any) -> Any:
        """The JSON of the answer; None where it has none."""
        answer = self._session().request(
            method, f"{self.base_url}{path}", json=body or None, timeout=self._timeout_seconds
        )
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def book(self, salon: SeededSalon, customer: SeededCustomer, at: datetime, **fields: Any) -> dict[str, Any]:
        booking: dict[str, Any] = self.call(
            "POST",
            "/appointments/",
            salon=salon.id,
            user=salon.owner.user_id,
            customer=customer.id,
            appointment_time=at.isoformat(),
            **fields,
        )
        return booking

    def change(self, booking_id: int, **fields: Any) -> dict[str, Any]:
        booking: dict[str, Any] = self.call("PATCH", f"/appointments/{booking_id}/", **fields)
        return booking

    def move(self, booking_id: int, at: datetime) -> dict[str, Any]:
        return self.change(booking_id, appointment_time=at.isoformat())

    def cancel(self, booking_id: int) -> dict[str, Any]:
        return self.change(booking_id, status="cancelled")

    def delete(self, booking_id: int) -> None:
        self.call("DELETE", f"/appointments/{booking_id}/")

    def set_reminder_minutes(self, salon: SeededSalon, minutes: int) -> dict[str, Any]:
        changed: dict[str, Any] = self.call("PATCH", f"/salons/{salon.id}/", reminder_time_minutes=minutes)
        return changed

    def messages(self, booking_id: int) -> list[dict[str, Any]]:
        """What the ledger says of a booking, oldest first."""
        found: list[dict[str, Any]] = self.call("GET", f"/appointments/{booking_id}/messages/")["results"]
        return found

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._thread, "session", None)
        if session is None:
            session = self._thread.session = requests.Session()
            session.trust_env = False
            session.headers["Authorization"] = f"Bearer {self._token}"
        return session


class Stack:
    """Context manager: PostgreSQL, Valkey, and ``counts`` of each process of the Procfile, all on loopback.

    Args:
      counts: how many of each to start: web, worker, dispatcher, twilio.
      overrides: environment variables laid over the stack's own.
      database_url, redis_url: servers to use instead of own ones (`postgres` and `valkey` are None then); a
        database is made in the given PostgreSQL and dropped afterwards.
      host: the address on which the own servers listen.
      logs: a directory that keeps what the processes print; else it goes with the stack.
    """

    def __init__(
        self,
        *,
        counts: Mapping[str, int] = DEFAULT_COUNTS,
        overrides: Mapping[str, str] | None = None,
        database_url: str = "",
        redis_url: str = "",
        host: str = HOST,
        logs: Path | None = None,
    ) -> None:
        self._counts, self._overrides, self._host, self._logs = counts, dict(overrides or {}), host, logs
        self._given = (database_url, redis_url)
        self._stop = contextlib.ExitStack()
        self.postgres: Postgres | None = None
        self.valkey: Valkey | None = None
        self.units: dict[str, list[Unit]] = {}
        self.environ: dict[str, str] = {}

    def __enter__(self) -> Stack:
        try:
            self._start()
        except BaseException:
            self._stop.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.close()

    @property
    def base_url(self) -> str:
        return self.environ["PUBLIC_BASE_URL"]

    @property
    def database_url(self) -> str:
        return self.environ["DATABASE_URL"]

    @property
    def twilio(self) -> EmulatorClient:
        """A client of its own for each thread that asks."""
        return EmulatorClient(self.environ["TWILIO_BASE_URL"])

    def all_units(self, *names: str) -> list[Unit]:
        """The units of these names; of all names without any."""
        return [unit for name, units in self.units.items() if not names or name in names for unit in units]

    def add(self, name: str, command: str = "", **environ: str) -> Unit:
        """Start one more process of this name, with ``environ`` laid over the stack's environment.

        ``command``: what to run instead of the Procfile's line.
        """
        units = self.units.setdefault(name, [])
        log = self._logs_directory / f"{name}.log"
        unit = Unit(name, command or procfile()[name], {**self.environ, **environ}, log)
        units.append(unit)
        unit.start()
        return unit

    def remove(self, unit: Unit) -> None:
        """Stop a process and forget it."""
        unit.stop()
        self.units[unit.name].remove(unit)

    def wait_until_ready(self, seconds: float = READY_SECONDS) -> None:
        """Return once web and the local Twilio answer. Raises TimeoutError, with the logs' ends."""
        waiting = {"web": f"{self.base_url}/health/", "twilio": f"{self.environ['TWILIO_BASE_URL']}/_control/stats"}
        give_up_at = time.monotonic() + seconds
        for name, url in waiting.items():
            while self.units.get(name) and not _answers(url):
                if time.monotonic() > give_up_at:
                    raise TimeoutError(f"{name} did not answer:\n{self.log_end(name)}")
                time.sleep(0.05)

    def log(self, name: str) -> str:
        """What all processes of this name have printed."""
        path = self._logs_directory / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def log_end(self, name: str, lines: int = 20) -> str:
        return "\n".join(self.log(name).splitlines()[-lines:])

    def python(self, *command: str, given: str = "") -> str:
        """Run this interpreter in the stack's environment; what it printed. Raises RuntimeError if it fails."""
        done = subprocess.run(
            [sys.executable, *command], cwd=CHECKOUT, env=self.environ, input=given, capture_output=True, text=True
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout

    @contextlib.contextmanager
    def connect(self) -> Iterator[psycopg2.extensions.connection]:
        """A connection of one's own to the stack's database, in autocommit."""
        connection = psycopg2.connect(self.database_url, connect_timeout=5)
        try:
            connection.autocommit = True
            yield connection
        finally:
            connection.close()

    def query(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[tuple[Any, ...]]:
        """The rows of a statement; [] for one that returns none."""
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            return cursor.fetchall() if cursor.description else []

    def seed(self, *, salons: int = 1, customers: int = 1, owner: str = "", **salon_fields: Any) -> list[SeededSalon]:
        """Salons of the given fields, each with its own ``customers``, straight into the database.

        ``owner`` is an e-mail address; without one each salon has an owner of its own.
        """
        return self.seed_each([{"customers": customers, "owner": owner, "fields": salon_fields}] * salons)

    def seed_each(self, wanted: Sequence[Mapping[str, Any]]) -> list[SeededSalon]:
        """A salon for each of ``wanted``: ``customers``, ``owner`` and ``fields`` as above."""
        made = json.loads(self.python("-m", "tests.seeding", given=json.dumps(wanted)))
        return [
            SeededSalon(
                id=salon["id"],
                name=salon["name"],
                owner=Login(**salon["owner"]),
                customers=tuple(SeededCustomer(*customer) for customer in salon["customers"]),
            )
            for salon in made
        ]

    def login(self, login: Login, timeout_seconds: float = REQUEST_TIMEOUT_SECONDS) -> BookingApi:
        answer = requests.post(
            f"{self.base_url}/users/login/", json={"email": login.email, "password": login.password}, timeout=30
        )
        answer.raise_for_status()
        return BookingApi(self.base_url, answer.json()["access"], timeout_seconds)

    # --- Starting and stopping --------------------------------------------------------------------------

    def _start(self) -> None:
        TEST_DATA.mkdir(parents=True, exist_ok=True)
        data = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=TEST_DATA))
        data.chmod(0o755)
        self._stop.callback(remove, data)
        guard = self._stop.enter_context(Guard(data))
        self._logs_directory = self._logs or data
        self._logs_directory.mkdir(parents=True, exist_ok=True)
        ports = choose(data / "ports.json", {}, web=None, twilio=None)
        made = environment.kept_secrets(data / "secrets.json")
        database_url, redis_url = self._given
        ours: dict[str, Any] = {"durable": True, "mark": guard.mark, "host": self._host}
        if not database_url:
            self.postgres = self._serve(
                Postgres(data / "postgres", port=ports.postgres, password=made.postgres, **ours), guard
            )
        if not redis_url:
            self.valkey = self._serve(Valkey(data / "valkey", port=ports.valkey, password=made.valkey, **ours), guard)
        self.environ = environment.compute(
            {},
            ports=ports,
            made=made,
            database_url=self._make_database(database_url) if database_url else self.postgres.url,  # type: ignore[union-attr]
            redis_url=redis_url or self.valkey.url,  # type: ignore[union-attr]
            mark=guard.mark,
        )
        self.environ |= {"ACCESS_TOKEN_MINUTES": "1440", **self._overrides}
        assert self.environ[MARK] == guard.mark
        self.python("manage.py", "migrate", "--no-input")
        self._stop.callback(self._stop_units)
        for name, count in self._counts.items():
            for _ in range(count):
                self.add(name)
        self.wait_until_ready()

    def _serve(self, server: Any, guard: Guard) -> Any:
        self._stop.callback(server.stop)
        server.start()
        guard.note_server(server.name, server.pid)
        return server

    def _make_database(self, url: str) -> str:
        """A database for this stack in the PostgreSQL at ``url``, dropped at the end."""
        name = f"booking_stack_{secrets.token_hex(6)}"
        _execute(url, f'CREATE DATABASE "{name}"')
        self._stop.callback(_execute, url, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))

    def _stop_units(self) -> None:
        """All at once: SIGTERM to each, then kill -9 for what has not gone in time."""
        units = self.all_units()
        for unit in units:
            unit.thaw()
            unit.terminate()
        give_up_at = time.monotonic() + STOP_SECONDS
        for unit in units:
            unit.stop(max(0.0, give_up_at - time.monotonic()))
        self.units.clear()


def another_redis_database(url: str, steps: int = 1) -> str:
    """The Redis at ``url``, but another of its databases: what a test queues is not for a stack's workers."""
    if not url:
        return ""
    parts = urlsplit(url)
    number = int(parts.path.strip("/") or 0)
    return urlunsplit(parts._replace(path=f"/{(number + steps) % 16}"))


def wait_until(condition: Callable[[], bool], seconds: float) -> None:
    """Return as soon as ``condition`` is true. Raises TimeoutError."""
    give_up_at = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > give_up_at:
            raise TimeoutError(f"not within {seconds:g} s")
        time.sleep(0.1)


def _execute(url: str, sql: str) -> None:
    connection = psycopg2.connect(urlunsplit(urlsplit(url)._replace(path="/postgres")), connect_timeout=5)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(sql)
    finally:
        connection.close()


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).status_code == 200
    except requests.RequestException:
        return False
