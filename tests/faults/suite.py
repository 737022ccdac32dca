"""One scenario after the other: salons at work, a fault, quiet, and the verdict on every phone."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import psycopg2

from tests.faults.system import System
from tests.faults.verdict import Change, Received, Verdict, judge
from tests.faults.workload import Attempt, Workload
from tests.processes import Stack
from twilio_emulator.client import EmulatorClient

POLL_SECONDS = 0.2
LISTEN_ON_SECONDS = 0.5  # for what comes after the last text that was owed
SLOWEST_RECOVERY_SECONDS = 60.0
COUNTS = {"web": 1, "worker": 2, "dispatcher": 2, "twilio": 1}
# One process a worker, so that two workers are two; a port that an old and a new web can share during a deploy.
OVERRIDES = {"WORKER_PROCESSES": "1", "GUNICORN_CMD_ARGS": "--reuse-port", "LOG_FORMAT": "json"}


@dataclass(frozen=True)
class Scale:
    """How much and how long. Seconds, unless the name says otherwise.

    Args:
      lead: work before the fault begins.
      at_least: the shortest time over which the bookings are spread.
      pace: the waits between what is done to a booking, against the full form.
      quiet: how long to wait at most, after the fault, until nothing is left to do.
      overrides: the stack's environment; the full form takes the product's own defaults.
    """

    name: str
    bookings: int
    lead: float
    at_least: float
    quiet: float
    pace: float
    overrides: Mapping[str, str]
    http_timeout: float


FULL = Scale("full", bookings=500, lead=5, at_least=40, quiet=300, pace=1, overrides={}, http_timeout=5)
SHORT = Scale(
    "short",
    bookings=30,
    lead=0.7,
    at_least=2,
    quiet=60,
    pace=0.5,
    overrides={
        "SMS_HTTP_TIMEOUT_SECONDS": "1",
        "SMS_CLAIM_LEASE_SECONDS": "4",
        "SMS_OFFER_LEASE_SECONDS": "4",
        "SMS_RECONCILE_SECONDS": "3",
    },
    http_timeout=1,
)


@dataclass
class Context:
    """What a fault has at hand; it should last for ``seconds``."""

    stack: Stack
    scale: Scale
    seconds: float
    workload: Workload
    random: random.Random
    complaints: list[str] = field(default_factory=list)
    healed_at: float | None = None  # seconds since the epoch; None: when the fault's function returns

    @property
    def twilio(self) -> EmulatorClient:
        return self.stack.twilio


@dataclass(frozen=True)
class Scenario:
    """A fault of so many seconds in the full and in the short form.

    ``around`` holds while the whole scenario runs: processes started differently, modes switched. ``check`` looks at
    more than the phones, and returns complaints.
    """

    key: str
    title: str
    strike: Callable[[Context], None]
    full_seconds: float
    short_seconds: float
    around: Callable[[Stack, Scale], AbstractContextManager[None]] = lambda _stack, _scale: nullcontext()
    check: Callable[[Context], list[str]] = lambda _context: []


@dataclass
class Row:
    """A line of the table."""

    key: str
    title: str
    bookings: int
    owed: int
    received: int
    lost: int
    duplicates: int
    stale: int
    recovery_seconds: float | None
    complaints: list[str]
    findings: list[str]
    outcomes: Mapping[str, int]
    lost_answers: int
    slowest_answer_seconds: float
    took_seconds: float
    is_baseline: bool = False

    @property
    def passed(self) -> bool:
        recovered = self.recovery_seconds is not None and self.recovery_seconds <= SLOWEST_RECOVERY_SECONDS
        return recovered and not (self.lost or self.duplicates or self.stale or self.complaints)


def run(scenario: Scenario, system: System, scale: Scale, *, seed: int = 1, bookings: int | None = None) -> Row:
    """Run one scenario and judge it."""
    began_at = time.time()
    stack = system.stack
    stack.twilio.reset()
    seconds = scenario.full_seconds if scale.name == "full" else scenario.short_seconds
    count = bookings or scale.bookings
    with scenario.around(stack, scale):
        spread = max(scale.at_least, scale.lead + seconds + scale.lead)
        workload = Workload(system.open_salons(count), count=count, seconds=spread, pace=scale.pace, seed=seed)
        context = Context(stack, scale, seconds, workload, random.Random(seed))
        recovery_seconds = _play(scenario, system, context)
        if _wait_for_recovery(system, time.time(), scale.quiet) is None:
            context.complaints.append(f"not quiet {scale.quiet:g} s after the last booking")
        time.sleep(LISTEN_ON_SECONDS)
        verdict = _judge(system, workload)
        context.complaints += [*scenario.check(context), *_dead_units(stack)]
        outcomes = system.outcomes(workload.started_at)
        system.close_salons()
    return _row(scenario, context, verdict, outcomes, recovery_seconds, took_seconds=time.time() - began_at)


def _play(scenario: Scenario, system: System, context: Context) -> float | None:
    """The salons at work, and the fault in the middle. Returns: how long it took to recover from it."""
    context.workload.start()
    try:
        time.sleep(context.scale.lead)
        scenario.strike(context)
        recovery_seconds = _wait_for_recovery(system, context.healed_at or time.time(), context.scale.quiet)
        context.workload.join()
    except BaseException:
        context.workload.abandon()
        raise
    return recovery_seconds


def _row(
    scenario: Scenario,
    context: Context,
    verdict: Verdict,
    outcomes: Mapping[str, int],
    recovery_seconds: float | None,
    took_seconds: float,
) -> Row:
    return Row(
        key=scenario.key,
        title=scenario.title,
        bookings=verdict.bookings,
        owed=verdict.owed,
        received=verdict.received,
        lost=verdict.count("lost"),
        duplicates=verdict.count("duplicate"),
        stale=verdict.count("stale"),
        recovery_seconds=recovery_seconds,
        complaints=context.complaints,
        findings=[f"{f.kind}: {f.phone_number}: {f.detail}" for f in verdict.findings],
        outcomes=outcomes,
        lost_answers=context.workload.lost_answers,
        slowest_answer_seconds=max(context.workload.answered_seconds, default=0.0),
        took_seconds=took_seconds,
    )


def _wait_for_recovery(system: System, healed_at: float, bound: float) -> float | None:
    """Seconds until everything due by then is settled; None if that takes longer than ``bound``."""
    while (waited := time.time() - healed_at) < bound:
        try:
            if not system.unfinished(healed_at):
                return waited
        except psycopg2.OperationalError:
            pass  # PostgreSQL is still coming up
        time.sleep(POLL_SECONDS)
    return None


def _judge(system: System, workload: Workload) -> Verdict:
    for attempt in workload.attempts:
        if attempt.unsure is not None and _took_effect(system, attempt, attempt.unsure):
            attempt.booking.changes.append(attempt.unsure)
    received: dict[str, list[Received]] = {}
    for text in system.stack.twilio.messages():
        received.setdefault(text["to"], []).append(Received(text["body"], text["accepted_at_ms"] / 1000))
    return judge((attempt.booking for attempt in workload.attempts), received, judged_at=time.time())


def _took_effect(system: System, attempt: Attempt, change: Change) -> bool:
    """A request whose answer was lost: the database says what came of it."""
    stored = system.stored(attempt.customer.id)
    match change.what:
        case "book":
            return stored is not None
        case "move":
            return stored is not None and stored.visit_at == change.visit_at
        case "cancel":
            return stored is not None and stored.is_cancelled
        case "delete":
            return stored is None
    return False


def _dead_units(stack: Stack) -> list[str]:
    return [f"{unit.name} has ended" for unit in stack.all_units() if not unit.is_running]


def start(scale: Scale, counts: Mapping[str, int] = COUNTS, **options: Any) -> Stack:
    """The stack that the scenarios share."""
    return Stack(counts=counts, overrides={**OVERRIDES, **scale.overrides}, **options)
