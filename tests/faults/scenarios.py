"""What is broken, one function a fault; each returns when everything is whole again."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg2
import redis
import requests

from devstack.servers import Postgres, Valkey
from tests.faults.suite import Context, Scale, Scenario
from tests.processes import Stack, Unit, wait_until
from twilio_emulator.webhooks import sign

OURS = ("web", "worker", "dispatcher")
SHIFTED_CLOCK = Path(__file__).parent / "shifted_clock"
SLOWEST_BOOKING_SECONDS = 5.0


# --- 1. Processes -----------------------------------------------------------------------------------------


@contextmanager
def supervised(stack: Stack) -> Iterator[None]:
    """Start again whatever of ours ends, as systemd or a container's restart policy does; leave with all at work."""
    ending = threading.Event()
    at_work = {unit: len(unit.pids()) for unit in stack.all_units(*OURS)}

    def supervise() -> None:
        while not ending.wait(0.1):
            for unit in at_work:
                if not unit.is_running:
                    unit.restart()

    thread = threading.Thread(target=supervise)
    thread.start()
    try:
        yield
        # A Dramatiq master whose child is killed while it boots finds that out only after 30 s.
        wait_until(lambda: all(len(unit.pids()) >= count for unit, count in at_work.items()), seconds=60)
        time.sleep(1.5)
        wait_until(lambda: all(len(unit.pids()) >= count for unit, count in at_work.items()), seconds=60)
    finally:
        ending.set()
        thread.join()
    stack.wait_until_ready()


def kill_at_random(context: Context) -> None:
    """kill -9 one process every second: masters and children alike."""
    with supervised(context.stack):
        until = time.monotonic() + context.seconds
        while time.monotonic() < until:
            pids = [pid for unit in context.stack.all_units(*OURS) for pid in unit.pids()]
            if pids:
                with suppress(ProcessLookupError):
                    os.kill(context.random.choice(pids), signal.SIGKILL)
            time.sleep(1)
        context.healed_at = time.time()


# --- 2. Redis ---------------------------------------------------------------------------------------------


def flush_redis(context: Context) -> None:
    client = redis.Redis.from_url(_valkey(context).url)
    for _ in range(3):
        client.flushall()
        time.sleep(context.seconds / 3)


def restart_redis_empty(context: Context) -> None:
    valkey = _valkey(context)
    _kill_server(valkey)
    for kept in valkey.data.glob("appendonly*"):
        shutil.rmtree(kept)
    time.sleep(context.seconds)
    valkey.start()


def freeze_redis(context: Context) -> None:
    os.kill(_valkey(context).pid, signal.SIGSTOP)
    time.sleep(context.seconds)
    os.kill(_valkey(context).pid, signal.SIGCONT)


def take_redis_away(context: Context) -> None:
    _kill_server(_valkey(context))
    time.sleep(context.seconds)
    _valkey(context).start()


def bookings_went_on(context: Context) -> list[str]:
    """Redis is no reason to refuse a booking, or to make it wait."""
    complaints = []
    if context.workload.lost_answers:
        complaints.append(f"{context.workload.lost_answers} requests failed")
    slowest = max(context.workload.answered_seconds)
    if slowest > SLOWEST_BOOKING_SECONDS:
        complaints.append(f"a request took {slowest:.1f} s")
    return complaints


def _valkey(context: Context) -> Valkey:
    assert context.stack.valkey is not None
    return context.stack.valkey


def _kill_server(server: Valkey | Postgres, number: int = signal.SIGKILL) -> None:
    assert server.process is not None
    server.process.send_signal(number)
    server.process.wait()


# --- 3. PostgreSQL ----------------------------------------------------------------------------------------


def crash_postgres(context: Context) -> None:
    """An immediate shutdown is a crash: no checkpoint, sessions cut off; the log is replayed at the start."""
    postgres = context.stack.postgres
    assert postgres is not None
    for _ in range(2):
        _kill_server(postgres, signal.SIGQUIT)
        postgres.start()
        context.healed_at = time.time()
        time.sleep(context.seconds / 2)


def cut_connections(context: Context) -> None:
    until = time.monotonic() + context.seconds
    while time.monotonic() < until:
        context.stack.query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
        time.sleep(1)


def use_up_connections(context: Context) -> None:
    """Take every connection there is, also those that ours have: they are cut off and find no other."""
    with ExitStack() as taken:
        first = taken.enter_context(context.stack.connect())
        _take_all(context.stack, taken)
        until = time.monotonic() + context.seconds
        while time.monotonic() < until:
            with first.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'booking'"
                )
            _take_all(context.stack, taken)
            time.sleep(0.02)


def _take_all(stack: Stack, taken: ExitStack) -> None:
    with suppress(psycopg2.OperationalError):
        while True:
            taken.enter_context(stack.connect())


# --- 4. Twilio --------------------------------------------------------------------------------------------


def twilio_closed(context: Context) -> None:
    context.twilio.listen(context.seconds)
    time.sleep(context.seconds + 0.3)


def twilio(kind: str, **options: Any) -> Callable[[Context], None]:
    """This fault on 30 in 100 requests, then on each, then on none."""

    def strike(context: Context) -> None:
        for probability in (0.3, 1.0):
            context.twilio.fault(kind, probability=probability, **options)
            time.sleep(context.seconds / 2)
            context.twilio.clear_faults()

    return strike


def twilio_hangs(context: Context) -> None:
    twilio("hang", seconds=context.scale.http_timeout + 2)(context)


@contextmanager
def callbacks_off(stack: Stack, scale: Scale) -> Iterator[None]:
    stack.twilio.callbacks("never")
    yield


@contextmanager
def callbacks_off_and_list_lagging(stack: Stack, scale: Scale) -> Iterator[None]:
    """The wait for proof of absence is the one documented for accounts without callbacks: it outlasts the lag."""
    is_full = scale.name == "full"
    stack.twilio.callbacks("never")
    stack.twilio.list_lag(20 if is_full else 3)
    wait = {"SMS_RECONCILE_SECONDS": "180" if is_full else "12"}
    with restarted(dict.fromkeys(stack.units["dispatcher"], wait)):
        yield


def faults_fired(context: Context) -> list[str]:
    return [] if context.twilio.faults()["fired"] else ["no request ran into the fault"]


# --- 5. Callbacks -----------------------------------------------------------------------------------------


def disorder_callbacks(context: Context) -> None:
    for mode in ("late", "doubled", "out_of_order"):
        context.twilio.callbacks(mode)
        time.sleep(context.seconds / 3)
    context.twilio.callbacks("normal")


def forge_callbacks(context: Context) -> None:
    """Unsigned and wrongly signed reports, honest ones played again, and reports of texts that are not ours."""
    until = time.monotonic() + context.seconds
    while time.monotonic() < until:
        texts = context.twilio.messages()
        for text in context.random.sample(texts, min(len(texts), 5)):
            for status, signature, report in _callbacks_about(context, text):
                answer = _post_callback(report, signature)
                if answer.status_code != status:
                    context.complaints.append(f"a callback got {answer.status_code} instead of {status}: {report}")
        time.sleep(0.5)


_Report = tuple[str, dict[str, str]]


def _callbacks_about(context: Context, text: dict[str, str]) -> Iterator[tuple[int, str, _Report]]:
    token = context.stack.environ["TWILIO_AUTH_TOKEN"]
    url = text["status_callback"].partition("#")[0]
    unknown_url = f"{context.stack.base_url}/sms/status/?message=999999999&attempt=1"
    failed = (url, {"MessageSid": text["sid"], "MessageStatus": "failed", "ErrorCode": "30008"})
    replayed = (url, {"MessageSid": text["sid"], "MessageStatus": "sent"})
    unknown = (unknown_url, {"MessageSid": "SM" + "f" * 32, "MessageStatus": "failed", "ErrorCode": "30003"})
    nobodys = (f"{context.stack.base_url}/sms/status/", unknown[1])
    yield 403, "", failed
    yield 403, sign("another token", *failed), failed
    yield 403, sign(token, *replayed), failed
    for report in (replayed, unknown, nobodys):
        yield 204, sign(token, *report), report


def _post_callback(report: _Report, signature: str) -> requests.Response:
    url, fields = report
    return requests.post(url, data=fields, headers={"X-Twilio-Signature": signature} if signature else {}, timeout=10)


# --- 6. Clocks --------------------------------------------------------------------------------------------


def clocks_wrong_by(seconds: float) -> Callable[[Stack, Scale], AbstractContextManager[None]]:
    """One worker and one dispatcher ahead by so much, the others behind."""

    @contextmanager
    def around(stack: Stack, scale: Scale) -> Iterator[None]:
        shifts = {
            unit: {"PYTHONPATH": str(SHIFTED_CLOCK), "CLOCK_SHIFT_SECONDS": str(shift)}
            for name in ("worker", "dispatcher")
            for unit, shift in zip(stack.units[name], (seconds, -seconds), strict=True)
        }
        with restarted(shifts):
            yield

    return around


@contextmanager
def restarted(environs: Mapping[Unit, Mapping[str, str]]) -> Iterator[None]:
    """These processes with more in their environment, and afterwards with their own again."""
    own = {unit: unit.environ for unit in environs}
    _restart({unit: {**unit.environ, **environ} for unit, environ in environs.items()})
    yield
    _restart(own)


def _restart(environs: Mapping[Unit, dict[str, str]]) -> None:
    for unit in environs:
        unit.terminate()
    for unit, environ in environs.items():
        unit.stop()
        unit.environ = environ
        unit.start()


def let_work(context: Context) -> None:
    time.sleep(context.seconds)


# --- 7. Deploys -------------------------------------------------------------------------------------------


def deploy(context: Context) -> None:
    """New processes start beside the old, then all the old ones are told to stop at once."""
    stack = context.stack
    old = stack.all_units(*OURS)
    for unit in old:
        stack.add(unit.name)
    time.sleep(context.seconds / 2)
    for unit in old:
        unit.terminate()
    for unit in old:
        stack.remove(unit)
    time.sleep(context.seconds / 2)


def migrate(context: Context) -> None:
    """A release's migration is applied and, since a release can be taken back, reversed."""
    settings = "--settings=tests.faults.next_release.settings"
    context.stack.python("manage.py", "migrate", "next_release", settings)
    time.sleep(context.seconds)
    context.stack.python("manage.py", "migrate", "next_release", "zero", settings)


SCENARIOS = (
    Scenario("nothing", "nothing is broken", let_work, 30, 1),
    Scenario("kill", "kill -9 a random process every second", kill_at_random, 60, 5),
    Scenario("redis-flushed", "Redis FLUSHALL, three times", flush_redis, 20, 1.5),
    Scenario("redis-emptied", "Redis killed, restarted empty", restart_redis_empty, 5, 1, check=bookings_went_on),
    Scenario("redis-frozen", "Redis frozen (SIGSTOP)", freeze_redis, 20, 2, check=bookings_went_on),
    Scenario("redis-away", "Redis away while bookings go on", take_redis_away, 120, 3, check=bookings_went_on),
    Scenario("postgres-crash", "PostgreSQL restarted in immediate mode, twice", crash_postgres, 20, 2),
    Scenario("postgres-cut", "every PostgreSQL connection cut, each second", cut_connections, 15, 2),
    Scenario("postgres-full", "no PostgreSQL connection left", use_up_connections, 20, 2),
    Scenario("twilio-closed", "Twilio refuses connections", twilio_closed, 30, 2),
    Scenario(
        "twilio-429",
        "Twilio 429 with Retry-After, 30 % then 100 %",
        twilio("429", seconds=2),
        24,
        2,
        check=faults_fired,
    ),
    Scenario("twilio-500", "Twilio 500, 30 % then 100 %", twilio("500"), 24, 2, check=faults_fired),
    Scenario("twilio-503", "Twilio 503 with HTML, 30 % then 100 %", twilio("503_html"), 24, 2, check=faults_fired),
    Scenario("twilio-hangs", "Twilio hangs, 30 % then 100 %", twilio_hangs, 24, 3, check=faults_fired),
    Scenario(
        "twilio-drops",
        "Twilio accepts, then drops, 30 % then 100 %",
        twilio("accept_then_drop"),
        24,
        2,
        check=faults_fired,
    ),
    Scenario(
        "twilio-drops-silent",
        "the same with callbacks off",
        twilio("accept_then_drop"),
        24,
        2,
        around=callbacks_off,
        check=faults_fired,
    ),
    Scenario(
        "twilio-drops-lagging",
        "the same with callbacks off and the list lagging",
        twilio("accept_then_drop"),
        24,
        2,
        around=callbacks_off_and_list_lagging,
        check=faults_fired,
    ),
    Scenario("twilio-no-sid", "Twilio 201 without sid, 30 % then 100 %", twilio("no_sid"), 24, 2, check=faults_fired),
    Scenario("callbacks-disorder", "callbacks late, doubled, out of order", disorder_callbacks, 30, 3),
    Scenario("callbacks-forged", "callbacks forged, replayed, of unknown texts", forge_callbacks, 20, 1.5),
    Scenario("clock-5s", "clocks wrong by 5 s", let_work, 30, 2, around=clocks_wrong_by(5)),
    Scenario("clock-5min", "clocks wrong by 5 min", let_work, 30, 2, around=clocks_wrong_by(300)),
    Scenario("deploy", "a deploy: new processes beside the old, SIGTERM to all old", deploy, 20, 6),
    Scenario("migration", "a migration applied and reversed under load", migrate, 10, 1),
)
# The plan's own design, under four of the same.
BASELINE = ("nothing", "kill", "redis-emptied", "twilio-drops")
