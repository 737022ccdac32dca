"""Booking over HTTP, beside the plan's own design: how long staff wait, what it costs, and how soon the phone rings.

The same calls in the same order, from four clients that each wait for their answer, to the same gunicorn (two processes
of eight threads) on the same PostgreSQL and Redis, with workers running; then how soon a confirmation is at Twilio, in
quiet and while ten thousand reminders go out.
"""

from __future__ import annotations

import http.client
import json
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from bench import ledger, report, usage
from tests.processes import Stack, Unit

CLIENTS = 4
PLANS_WEB = (
    "exec gunicorn bench.plans_service:application --bind 127.0.0.1:$PORT --preload --worker-class gthread --workers 2"
    " --threads 8 --no-control-socket"
)
PLANS_WORKER = "exec dramatiq bench.plans_service:broker --processes 2 --threads 8"
# A salon's day, columns by half hours.
COLUMNS, DAY_SLOTS = 8, 15


@dataclass(frozen=True)
class Size:
    customers: int
    bookings: int
    reads: int
    pending: int
    burst: int
    watched: int  # bookings whose confirmation is waited for


FULL = Size(customers=100_000, bookings=600, reads=200, pending=100_000, burst=10_000, watched=200)
QUICK = Size(customers=2_000, bookings=130, reads=20, pending=1_000, burst=500, watched=20)


@dataclass(frozen=True)
class Service:
    """One of the two, ready to be asked: its address, its login, and what a booking needs to name."""

    stack: Stack
    web: Sequence[Unit]
    base_url: str
    token: str
    salon: int
    customers: Sequence[int]
    fields: dict[str, Any]  # of every booking


def measure(quick: bool) -> dict[str, Any]:
    size = QUICK if quick else FULL
    calls: dict[str, dict[str, Any]] = {}
    waits: dict[str, dict[str, Any]] = {}
    for name, service_of in (("plan's design", _plans), ("ours", _ours)):
        report.say(f"{name}: starting")
        with service_of(size) as service:
            calls[name] = _calls(service, size, has_minutes=name == "ours")
            waits[name] = _waits(service, size, has_burst=name == "ours")
    return {"size": size.__dict__, "calls": calls, "waits": waits, "tables": [_call_table(calls), _wait_table(waits)]}


# --- The two services ----------------------------------------------------------------------------------------


@contextmanager
def _ours(size: Size) -> Iterator[Service]:
    overrides = {"LOG_FORMAT": "json", "DEBUG": "false", "ALLOWED_HOSTS": "*", "SECURE_SSL_REDIRECT": "false"}
    with Stack(overrides=overrides) as stack:
        salon = stack.seed(salons=1, customers=size.customers)[0]
        stack.query("ANALYZE")
        token = stack.login(salon.owner)._token
        yield Service(
            stack,
            stack.units["web"],
            stack.base_url,
            token,
            salon.id,
            [customer.id for customer in salon.customers],
            {"user": salon.owner.user_id},
        )


@contextmanager
def _plans(size: Size) -> Iterator[Service]:
    with Stack(counts={"twilio": 1}) as stack:
        stack.query("CREATE DATABASE plan")
        stack.environ["DATABASE_URL"] = urlsplit(stack.database_url)._replace(path="/plan").geturl()
        token = stack.python("-m", "bench.plans_service", str(size.customers)).strip()
        stack.query("ANALYZE")
        web = stack.add("web", command=PLANS_WEB)
        stack.add("worker", command=PLANS_WORKER)
        service = Service(stack, [web], stack.base_url, token, 1, range(1, size.customers + 1), {})
        _until_it_answers(service)
        yield service


def _until_it_answers(service: Service) -> None:
    give_up_at = time.monotonic() + 30
    while True:
        try:
            Client(service).call("GET", "/salons/")
        except OSError:
            if time.monotonic() > give_up_at:
                raise
            time.sleep(0.2)
        else:
            return


class Client:
    """A kept connection; light, since it shares the machine with what it measures."""

    def __init__(self, service: Service) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(service.base_url).netloc, timeout=60)
        self._headers = {"Authorization": f"Bearer {service.token}", "Content-Type": "application/json"}

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON of the answer. Raises RuntimeError for anything but success."""
        self._connection.request(method, path, json.dumps(body) if body is not None else None, self._headers)
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {content[:300]!r}")
        return json.loads(content) if content else None


# --- Calls ---------------------------------------------------------------------------------------------------


def _calls(service: Service, size: Size, *, has_minutes: bool) -> dict[str, Any]:
    tomorrow = datetime.now(UTC).replace(hour=9, minute=0, second=0, microsecond=0) + timedelta(days=2)
    bookings: list[int] = []
    found: dict[str, Any] = {}

    def book(client: Client, number: int) -> None:
        day, slot = divmod(number, COLUMNS * DAY_SLOTS)
        at = tomorrow + timedelta(days=day, minutes=30 * (slot // COLUMNS))
        bookings.append(client.call("POST", "/appointments/", _booking(service, number, at, slot % COLUMNS + 1))["id"])

    def move(client: Client, number: int) -> None:
        at = tomorrow + timedelta(days=400, minutes=30 * number)
        times = {"appointment_time": at.isoformat(), "end_time": (at + timedelta(minutes=30)).isoformat()}
        client.call("PATCH", f"/appointments/{bookings[number]}/", times)

    day_list = f"/appointments/?date={tomorrow.date()}&page_size={COLUMNS * DAY_SLOTS}"
    steps: list[tuple[str, int, Callable[[Client, int], Any]]] = [
        ("POST /appointments/", size.bookings, book),
        ("GET a day of 120", size.reads, lambda client, number: client.call("GET", day_list)),
        (
            f"search of {size.customers:,} customers",
            size.reads,
            lambda client, number: client.call("GET", f"/customers/?search={number % 90 + 10}{number % 7}"),
        ),
        ("PATCH another time", size.bookings // 2, move),
        (
            "DELETE",
            size.bookings // 2,
            lambda client, number: client.call("DELETE", f"/appointments/{bookings[number]}/"),
        ),
    ]
    for name, count, act in steps:
        report.say(f"  {name}")
        found[name] = _timed(service, count, act)
    if has_minutes:
        found[f"PATCH minutes, {size.pending:,} pending"] = _minutes(service, size)
    return found


def _booking(service: Service, number: int, at: datetime, column: int) -> dict[str, Any]:
    return {
        "salon": service.salon,
        "customer": service.customers[number % len(service.customers)],
        "appointment_time": at.isoformat(),
        "end_time": (at + timedelta(minutes=30)).isoformat(),
        "column_id": column,
        **service.fields,
        **({"allow_overlap": True} if service.fields else {}),
    }


def _timed(service: Service, count: int, act: Callable[[Client, int], Any], clients: int = CLIENTS) -> dict[str, Any]:
    """Milliseconds of each call, calls a second, and the CPU that web spent on one."""
    numbers, lock, taken = iter(range(count)), threading.Lock(), list[float]()
    errors: list[Exception] = []

    def work() -> None:
        client = Client(service)
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            began = time.perf_counter()
            try:
                act(client, number)
            except Exception as error:
                errors.append(error)
                return
            taken.append((time.perf_counter() - began) * 1000)

    before, began = usage.of([unit.pid for unit in service.web]), time.monotonic()
    threads = [threading.Thread(target=work) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    seconds = time.monotonic() - began
    cpu = usage.of([unit.pid for unit in service.web]).since(before).cpu_seconds
    return {
        "calls_per_second": count / seconds,
        "p50_ms": statistics.median(taken),
        "p99_ms": statistics.quantiles(taken, n=100)[98],
        "web_cpu_ms": cpu / count * 1000,
    }


def _minutes(service: Service, size: Size) -> dict[str, Any]:
    """One salon with that many reminders still to come; each PATCH moves them all."""
    rows = service.stack.query("SELECT id, phone_number FROM customer_customer ORDER BY id LIMIT 1000")
    in_a_month = timedelta(days=30).total_seconds()
    ledger.book(
        service.stack, service.salon, service.fields["user"], [row[0] for row in rows], size.pending, in_a_month
    )
    minutes = iter(range(61, 1000))

    def change(client: Client, number: int) -> None:
        client.call("PATCH", f"/salons/{service.salon}/", {"reminder_time_minutes": next(minutes)})

    return _timed(service, 3, change, clients=1)


# --- How soon the phone rings ---------------------------------------------------------------------------------


def _waits(service: Service, size: Size, *, has_burst: bool) -> dict[str, Any]:
    """Milliseconds from the POST to Twilio's acceptance of the confirmation."""
    waits = {"in quiet": _confirmations(service, size, first=0)}
    if has_burst:
        others = service.customers[-1000:]
        burst = ledger.book(service.stack, service.salon, service.fields["user"], others, size.burst, 3.0)
        time.sleep(max(0.0, burst.due_at + 0.5 - time.time()))
        waits[f"while {size.burst:,} reminders go out"] = _confirmations(service, size, first=size.watched)
        late = ledger.wait_until_sent(service.stack, burst, 180)
        waits[f"while {size.burst:,} reminders go out"]["burst_took_seconds"] = late[-1] if late else None
    return waits


def _confirmations(service: Service, size: Size, first: int) -> dict[str, Any]:
    far = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=700)
    began: dict[str, float] = {}
    client, since_ms = Client(service), time.time() * 1000
    numbers = {row[0]: row[1] for row in service.stack.query(_NUMBERS_OF[bool(service.fields)])}
    for number in range(first, first + size.watched):
        body = _booking(service, number, far + timedelta(minutes=30 * number), 1)
        began[numbers[body["customer"]]] = time.time() * 1000
        client.call("POST", "/appointments/", body)
        time.sleep(0.02)
    time.sleep(1.0)
    give_up_at = time.monotonic() + 120
    while True:
        accepted = {
            text["to"]: text["accepted_at_ms"]
            for text in service.stack.twilio.messages(since_ms=since_ms)
            if text["to"] in began and "coming up" not in text["body"]
        }
        if len(accepted) >= len(began) or time.monotonic() > give_up_at:
            break
        time.sleep(0.5)
    waited = [accepted[to] - at for to, at in began.items() if to in accepted]
    return {
        "of": len(began),
        "arrived": len(waited),
        "p50_ms": statistics.median(waited),
        "p99_ms": statistics.quantiles(waited, n=100)[98],
        "max_ms": max(waited),
    }


_NUMBERS_OF = {
    True: "SELECT id, phone_number FROM customer_customer ORDER BY id LIMIT 5000",
    False: "SELECT id, phone_number FROM plan_customer ORDER BY id LIMIT 5000",
}


def _call_table(calls: dict[str, dict[str, Any]]) -> str:
    rows = []
    for name, ours in calls["ours"].items():
        peer = calls["plan's design"].get(name)
        rows.append(
            [
                name,
                ours["calls_per_second"],
                ours["p50_ms"],
                ours["p99_ms"],
                ours["web_cpu_ms"],
                peer and peer["calls_per_second"],
                peer and peer["p50_ms"],
                peer and peer["p99_ms"],
                peer and peer["web_cpu_ms"],
                peer and ours["p50_ms"] / peer["p50_ms"],
            ]
        )
    sides = ["calls/s", "p50 ms", "p99 ms", "CPU ms"]
    headings = ["call", *sides, *(f"plan's {side}" for side in sides), "p50 ratio"]
    return report.table(f"Booking over HTTP, {CLIENTS} clients: ours, and the plan's own design", headings, rows)


def _wait_table(waits: dict[str, dict[str, Any]]) -> str:
    rows = [
        [f"{name}, {when}", f"{wait['arrived']} of {wait['of']}", wait["p50_ms"], wait["p99_ms"], wait["max_ms"]]
        for name, those in waits.items()
        for when, wait in those.items()
    ]
    return report.table(
        "From the POST of a booking to Twilio's acceptance of its confirmation",
        ["", "arrived", "p50 ms", "p99 ms", "max ms"],
        rows,
    )


if __name__ == "__main__":
    sys.exit(report.main("bookings", __doc__, measure))
