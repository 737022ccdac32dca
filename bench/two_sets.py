"""Does a second set make it faster? Web, dispatcher and worker once, then twice, against one PostgreSQL and one Redis.

Each set runs in a network namespace of its own, as on a machine of its own, and reaches PostgreSQL, Redis and the local
Twilio over a bridge. What a machine's cores limit cannot grow here, where both sets share them; so a set is also given
few threads and a Twilio that takes its time, as the real one does. After each run every text must be at Twilio once.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import requests

from bench import ledger, report, usage
from bench.namespaces import Namespace, NoNamespaces, bridged
from devstack.signals import stop_on_signals
from tests.processes import BookingApi, SeededSalon, Stack, procfile, wait_until

PROCESSES = ("web", "dispatcher", "worker")
CLIENTS = 4
CUSTOMERS = 250  # of each client's salon
RUNS, QUICK_RUNS = 3, 1
GIVE_UP_SECONDS = 120.0
# Without callbacks, as in bench.texts.
OF_A_SET = {"PUBLIC_BASE_URL": "", "WEB_CONCURRENCY": "1", "WEB_THREADS": "1"}
OVERRIDES = {"LOG_FORMAT": "json", "DEBUG": "false", "ALLOWED_HOSTS": "*", "SECURE_SSL_REDIRECT": "false"}


class ProcessSet:
    """Web, dispatcher and worker of the Procfile, in a namespace."""

    def __init__(self, stack: Stack, namespace: Namespace, environ: Mapping[str, str]) -> None:
        self._stack, self.address = stack, namespace.address
        self.web_url = f"http://{namespace.address}:{stack.environ['PORT']}"
        own = {**OF_A_SET, "WEB_BIND": namespace.address, **environ}
        self._names = {name: f"{name}-{namespace.name}" for name in PROCESSES}
        for name in PROCESSES:
            stack.add(self._names[name], namespace.command(procfile()[name]), **own)

    def texts_sent(self) -> int:
        """How many its worker has ever sent, by its own log."""
        return self._stack.log(self._names["worker"]).count('"text_sent"')

    def is_ready(self) -> bool:
        with contextlib.suppress(requests.RequestException):
            return requests.get(f"{self.web_url}/health/", timeout=2).ok
        return False

    def stop(self) -> None:
        units = self._stack.all_units(*self._names.values())
        for unit in units:
            unit.terminate()
        for unit in units:
            self._stack.remove(unit)


@dataclass(frozen=True)
class Bench:
    stack: Stack
    salons: Sequence[SeededSalon]  # one for each client
    hours: Iterator[int]  # no two bookings take the same one


@dataclass(frozen=True)
class Took:
    seconds: float
    cores_busy: float  # by everything here: both sets, the servers, the local Twilio and the clients


@dataclass(frozen=True)
class Case:
    """One kind of work: what a set is made of, and how much there is to do."""

    key: str
    name: str
    environ: Mapping[str, str]
    answer_ms: int
    count: int
    quick_count: int
    work: Callable[[Bench, Sequence[ProcessSet], int], Took]


def _reminders(bench: Bench, _: Sequence[ProcessSet], count: int) -> Took:
    burst = ledger.add_burst(bench.stack, bench.salons[0], count, due_in_seconds=2.0)
    time.sleep(max(0.0, burst.due_at - time.time()))
    before, began = usage.cpu_seconds([os.getpid()]), time.monotonic()
    late = ledger.wait_until_sent(bench.stack, burst, GIVE_UP_SECONDS)
    cores_busy = (usage.cpu_seconds([os.getpid()]) - before) / (time.monotonic() - began)
    if len(late) < count:
        raise RuntimeError(f"only {len(late)} of {count} texts went out")
    return Took(late[-1], cores_busy)


def _bookings(bench: Bench, sets: Sequence[ProcessSet], count: int) -> Took:
    """Each client books in its own salon at the web of one set, and waits for the answer."""
    clients = [
        (BookingApi(sets[number % len(sets)].web_url, bench.stack.login(salon.owner)._token), salon)
        for number, salon in enumerate(bench.salons)
    ]
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=2)
    todo, lock, errors = iter(range(count)), threading.Lock(), list[Exception]()

    def work(api: BookingApi, salon: SeededSalon) -> None:
        while True:
            with lock:
                if next(todo, None) is None:
                    return
                hour = next(bench.hours)
            try:
                api.book(salon, salon.customers[hour % CUSTOMERS], midnight + timedelta(hours=hour), column_id=1)
            except Exception as error:
                errors.append(error)
                return

    before, began = usage.cpu_seconds([os.getpid()]), time.monotonic()
    threads = [threading.Thread(target=work, args=client) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.monotonic() - began
    cores_busy = (usage.cpu_seconds([os.getpid()]) - before) / seconds
    if errors:
        raise errors[0]
    return Took(seconds, cores_busy)


WAITING = {"WORKER_PROCESSES": "1", "WORKER_THREADS": "16"}
BUSY = {"WORKER_PROCESSES": "2", "WORKER_THREADS": "64"}
CASES = (
    Case("waiting", "texts, 1 x 16 threads, Twilio answers in 150 ms", WAITING, 150, 1500, 200, _reminders),
    Case("bookings", "bookings, web of 1 x 1 thread", WAITING, 150, 400, 60, _bookings),
    Case("busy", "texts, 2 x 64 threads, Twilio answers at once", BUSY, 0, 3000, 300, _reminders),
)


def measure(quick: bool, only: str = "") -> dict[str, Any]:
    cases = [case for case in CASES if not only or case.key == only]
    runs, found = QUICK_RUNS if quick else RUNS, []
    with bridged(2) as (address, namespaces), Stack(counts={}, host=address, overrides=OVERRIDES) as stack:
        port = stack.environ["PORT"]
        stack.environ["PUBLIC_BASE_URL"] = f"http://{namespaces[0].address}:{port}"  # where Stack.login asks
        stack.environ["TWILIO_BASE_URL"] = f"http://{address}:{stack.environ['TWILIO_EMULATOR_PORT']}"
        stack.add("twilio", f"{procfile()['twilio']} --host {address}")
        stack.wait_until_ready()
        bench = Bench(stack, stack.seed(salons=CLIENTS, customers=CUSTOMERS), itertools.count())
        for case in cases:
            found.append({"case": case.name, **_measured(bench, case, namespaces, runs, quick)})
    return {"runs": runs, "found": found, "tables": [_table(found, runs)]}


def _measured(
    bench: Bench, case: Case, namespaces: Sequence[Namespace], runs: int, quick: bool
) -> dict[str, list[dict[str, Any]]]:
    """The runs with one set and with both, in turn: the second comes and goes while the first runs on."""
    one: list[dict[str, Any]] = []
    two: list[dict[str, Any]] = []
    count = case.quick_count if quick else case.count
    with _running(bench.stack, namespaces[0], case) as first:
        for run in range(runs):
            report.say(f"{case.name}: run {run + 1} of {runs}")
            one.append(_run(bench, case, [first], count))
            with _running(bench.stack, namespaces[1], case) as second:
                two.append(_run(bench, case, [first, second], count))
    return {"one": one, "two": two}


@contextlib.contextmanager
def _running(stack: Stack, namespace: Namespace, case: Case) -> Iterator[ProcessSet]:
    made = ProcessSet(stack, namespace, case.environ)
    try:
        wait_until(made.is_ready, 60)
        yield made
    finally:
        made.stop()


def _run(bench: Bench, case: Case, sets: Sequence[ProcessSet], count: int) -> dict[str, Any]:
    """How many a second, the cores that all of it took, and how many texts each set sent."""
    stack = bench.stack
    _warm(bench, case, sets)
    _refuse_other_clients(stack, sets)
    stack.twilio.reset()
    stack.twilio.latency(case.answer_ms)
    (last_row,) = stack.query("SELECT max(id) FROM sms_message")[0]
    sent_before = [made.texts_sent() for made in sets]
    took = case.work(bench, sets, count)
    _until_all_is_sent(stack)
    _refuse_lost_or_doubled(stack, last_row, count)
    by_set = lambda: [made.texts_sent() - sent for made, sent in zip(sets, sent_before, strict=True)]  # noqa: E731
    wait_until(lambda: sum(by_set()) >= count, 10)
    if sum(by_set()) != count or not all(by_set()):
        raise RuntimeError(f"of {count} texts the sets sent {by_set()}")
    return {
        "a_second": count / took.seconds,
        "cores": took.cores_busy,
        "sent_by_set": by_set(),
    }


def _warm(bench: Bench, case: Case, sets: Sequence[ProcessSet]) -> None:
    """Imports, connections and caches are there before anything is timed, in every set."""
    bench.stack.twilio.latency(50)
    sent_before = [made.texts_sent() for made in sets]
    for _ in range(20):
        burst = ledger.add_burst(bench.stack, bench.salons[0], 100, due_in_seconds=0.0)
        ledger.wait_until_sent(bench.stack, burst, GIVE_UP_SECONDS)
        if all(made.texts_sent() > sent for made, sent in zip(sets, sent_before, strict=True)):
            break
    else:
        raise RuntimeError("a set sends no texts")
    if case.work is _bookings:
        _bookings(bench, sets, 4 * CLIENTS)
    _until_all_is_sent(bench.stack)


def _refuse_other_clients(stack: Stack, sets: Sequence[ProcessSet]) -> None:
    """The sets come to PostgreSQL from the addresses of their namespaces, and nobody else from one."""
    rows = stack.query(
        "SELECT DISTINCT host(client_addr) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid() AND client_addr <> inet_server_addr()"
    )
    if {address for (address,) in rows} != {made.address for made in sets}:
        raise RuntimeError(f"PostgreSQL has clients at {rows}")


def _until_all_is_sent(stack: Stack) -> None:
    due = "SELECT count(*) FROM sms_message WHERE status = 'sending' OR (status = 'pending' AND due_at <= now())"
    wait_until(lambda: stack.query(due)[0][0] == 0, GIVE_UP_SECONDS)


def _refuse_lost_or_doubled(stack: Stack, last_row: int, count: int) -> None:
    """Twilio has one text for each booking since, the one that the ledger names."""
    rows = stack.query("SELECT sid, booking_id FROM sms_message WHERE id > %s AND due_at <= now()", [last_row])
    at_twilio = [text["sid"] for text in stack.twilio.messages()]
    if sorted(at_twilio) != sorted(sid for sid, _ in rows) or not len(rows) == len({book for _, book in rows}) == count:
        raise RuntimeError(f"{count} bookings, {len(rows)} texts due, {len(at_twilio)} at Twilio")


def _table(found: list[dict[str, Any]], runs: int) -> str:
    rows = []
    for case in found:
        one, two = (
            {name: statistics.median(run[name] for run in case[sets]) for name in ("a_second", "cores")}
            for sets in ("one", "two")
        )
        pairs = [after["a_second"] / before["a_second"] for before, after in zip(case["one"], case["two"], strict=True)]
        shares = [min(run["sent_by_set"]) / sum(run["sent_by_set"]) * 100 for run in case["two"]]
        rows.append(
            [
                case["case"],
                one["a_second"],
                two["a_second"],
                two["a_second"] / one["a_second"],
                f"{min(pairs):.1f} to {max(pairs):.1f}",
                one["cores"],
                two["cores"],
                f"{statistics.median(shares):.0f} %",
            ]
        )
    headings = [
        "",
        "one set, a second",
        "two sets",
        "growth",
        "of each pair",
        "cores busy, one",
        "two",
        "texts by the lesser set",
    ]
    title = f"One set and two, each in a network namespace, one PostgreSQL and one Redis: medians of {runs}"
    return report.table(title, headings, rows)


def main() -> int:
    parser = report.parser("two_sets", __doc__)
    parser.add_argument("--only", choices=[case.key for case in CASES], default="", help="one kind of work")
    options = parser.parse_args()
    stop_on_signals()
    try:
        return report.show(options, measure(options.quick, options.only))
    except NoNamespaces as error:
        report.say(str(error))
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
