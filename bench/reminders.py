"""Reminders that fall due together while a backlog waits: ours, beside what people would use instead.

Every contender posts the same text to the same local Twilio, one contender at a time, on the same machine in the same
run. A text is late by the moment Twilio accepted it less the moment it was due, both by the machine's clock. Ours also
claims, looks at the booking again, renders and records, in PostgreSQL and Redis as durable as in production; the peers
are handed phone and text, and only post.

For each size of backlog: load it, start the processes, restart them, let them idle, three bursts of 1,000 and one of
10,000, then kill -9 in the middle of a burst of 1,000 (ours with web running, to which Twilio reports). A contender
that does not finish a burst within a minute is not asked for a larger one. Settings, the best that each has, stand in
the modules of `bench.peers` with their reasons; the peers have 2 processes with 8 threads or the nearest to it, ours
what it has by itself, 2 with 64; nothing is timed before the backlog has been taken in.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from bench import contenders, report, usage
from bench.contenders import OURS, PEERS, Contender
from devstack.paths import CHECKOUT
from tests.processes import Stack

RESTART_SECONDS = 180.0
BYTES_A_ROW_AT_MOST = 1500  # with indexes and the log of changes, while it is loaded


@dataclass(frozen=True)
class Form:
    """How much of it: the sizes, and for how long each thing is looked at."""

    pending: tuple[int, ...]
    pending_of_ours: tuple[int, ...]
    burst: int
    runs: int
    large: int
    idle_seconds: float
    settle_seconds: float
    within_seconds: float
    undone_after_seconds: float
    linger_seconds: float
    lead_seconds: float
    restarted_with: int
    has_stack_for_each: bool


FULL = Form(
    (0, 100_000), (0, 100_000, 1_000_000, 10_000_000), 1000, 3, 10_000, 10.0, 180.0, 60.0, 60.0, 15.0, 5.0, 100, True
)
QUICK = Form((1000,), (1000,), 100, 1, 0, 1.5, 3.0, 20.0, 5.0, 0.5, 2.5, 20, False)


def measure(quick: bool, only: str = "", backlogs: tuple[int, ...] | None = None) -> dict[str, Any]:
    form = QUICK if quick else FULL
    chosen = [name.strip() for name in only.split(",")] if only else [OURS, *PEERS]
    if unknown := set(chosen) - {OURS, *PEERS}:
        raise SystemExit(f"--only: {', '.join(sorted(unknown))}? There are {', '.join([OURS, *PEERS])}.")
    if set(chosen) - {OURS}:
        contenders.install_peers()
    found = []
    with ExitStack() as stacks:
        stack: Stack | None = None
        for name in chosen:
            if stack is None or form.has_stack_for_each:
                stacks.close()
                # Without callbacks: their webhooks are another process's work, and the peers have none.
                stack = stacks.enter_context(Stack(counts={"twilio": 1}, overrides={"PUBLIC_BASE_URL": ""}))
            contender = _contender(name, stack, form)
            sizes = backlogs or (form.pending_of_ours if name == OURS else form.pending)
            for pending in sizes:
                try:
                    case = _case(contender, pending, form)
                except Exception as error:  # a peer that breaks must not take an hour of the others' figures along
                    if name == OURS or only:
                        raise
                    report.say(f"{contender.name} broke with {pending:,} pending: {error}")
                    case = {"broke": str(error)}
                found.append({"contender": contender.name, "pending": pending, **case})
    return {
        "form": form.__dict__,
        "peers_versions": contenders.versions() if set(chosen) - {OURS} else {},
        "found": found,
        "tables": _tables(found, form),
    }


def _contender(name: str, stack: Stack, form: Form) -> Contender:
    if name == OURS:
        return contenders.Ours(stack, max(form.burst, form.large))
    return contenders.Peer(stack, PEERS[name])


# --- One contender with one backlog -------------------------------------------------------------------------


def _case(contender: Contender, pending: int, form: Form) -> dict[str, Any]:
    say: Callable[[str], None] = lambda what: report.say(f"{contender.name}, {pending:,} pending: {what}")  # noqa: E731
    if not _fits(pending):
        say("the disk has no room for it")
        return {"skipped": "the disk has no room for it"}
    say("loading")
    loaded = _load(contender, pending)
    contender.start()
    try:
        say("starting, taking the backlog in")
        settled = _settle(contender, form)
        restart = _restart(contender, form)
        _settle(contender, form)
        idle = _idle(contender, form)
        say(f"texts flowed {_seconds(restart)} after a restart; bursts")
        bursts = _bursts(contender, form)
        killed = {what: _killed(contender, what, form) for what in contender.kills}
        say("; ".join(f"kill -9 of {what}: {figures['undone']} undone" for what, figures in killed.items()))
    finally:
        contender.remove()
    return {**loaded, "settled_seconds": settled, "restart_seconds": restart, "idle": idle, **bursts, "killed": killed}


def _load(contender: Contender, pending: int) -> dict[str, Any]:
    contender.clear()
    added = pending - contender.pending
    before, began = contender.stored_bytes(), time.monotonic()
    contender.add_pending(pending)
    return {
        "load_seconds": time.monotonic() - began,
        "bytes_a_pending": (contender.stored_bytes() - before) / added if added else None,
    }


def _fits(pending: int) -> bool:
    return shutil.disk_usage(CHECKOUT).free > pending * BYTES_A_ROW_AT_MOST


def _settle(contender: Contender, form: Form) -> float:
    """Wait until its processes have come to rest: little CPU, or always the same and no more memory."""
    began, last = time.monotonic(), None
    while time.monotonic() - began < form.settle_seconds:
        before = usage.of(_pids(contender))
        time.sleep(1.0)
        now = usage.of(_pids(contender)).since(before)
        if now.cpu_seconds < 0.1 or (last is not None and _is_same(now, last)):
            break
        last = now
    return time.monotonic() - began


def _is_same(now: usage.Usage, last: usage.Usage) -> bool:
    grown = abs(now.memory_mib - last.memory_mib) / now.memory_mib
    return grown < 0.002 and abs(now.cpu_seconds - last.cpu_seconds) < 0.1 * last.cpu_seconds


def _idle(contender: Contender, form: Form) -> dict[str, dict[str, float]]:
    """CPU in % of a core, and memory, of every process that was started and of the servers."""
    watched = _watched(contender)
    before = {name: usage.of([pid]) for name, pid in watched.items()}
    time.sleep(form.idle_seconds)
    used = {name: usage.of([pid]).since(before[name]) for name, pid in watched.items()}
    return {
        name: {"cpu_percent": 100 * one.cpu_seconds / form.idle_seconds, "memory_mib": one.memory_mib}
        for name, one in used.items()
    }


def _watched(contender: Contender) -> dict[str, int]:
    units = {f"{unit.name} {number}": unit.pid for number, unit in enumerate(contender.units, start=1)}
    return units | _servers(contender)


def _servers(contender: Contender) -> dict[str, int]:
    stack = contender.stack
    assert stack.postgres is not None
    assert stack.valkey is not None
    return {server.name: server.pid for server in (stack.postgres, stack.valkey)}


def _pids(contender: Contender) -> list[int]:
    return [unit.pid for unit in contender.units]


def _restart(contender: Contender, form: Form) -> float | None:
    """Seconds to stop, and from the start until the first text that fell due meanwhile goes out; None: none did."""
    _freshen(contender, form)
    began = time.time()
    contender.stop()
    stopping_seconds = time.time() - began
    _reset_twilio(contender)
    contender.add_burst(form.restarted_with, time.time())
    started_at = time.time()
    contender.start_again()
    done = _wait_for(contender, form.restarted_with, started_at + RESTART_SECONDS)
    contender.is_fresh = done == form.restarted_with
    return stopping_seconds + _accepted(contender)[0][0] - started_at if done else None


def _bursts(contender: Contender, form: Form) -> dict[str, Any]:
    """As many as are worth it: no second one where the first was not done in time, and no large one then."""
    found: dict[str, Any] = {"bursts": [], "large": None}
    for _ in range(form.runs):
        found["bursts"].append(_burst(contender, form.burst, form))
        if found["bursts"][-1]["ran"] < form.burst:
            return found
    if form.large:
        found["large"] = _burst(contender, form.large, form)
    return found


def _burst(contender: Contender, count: int, form: Form) -> dict[str, Any]:
    _freshen(contender, form)
    due_at = _add(contender, count, form)
    engine, servers = _pids(contender), _servers(contender).values()
    _sleep_until(due_at - 0.5)
    before = usage.of(engine), usage.of(servers)
    _wait_for(contender, count, due_at + form.within_seconds)
    spent = usage.of(engine).since(before[0]), usage.of(servers).since(before[1])
    accepted = _accepted(contender)
    first = dict(reversed([(to, at) for at, to in accepted]))
    late = sorted(at - due_at for at in first.values() if at - due_at <= form.within_seconds)
    ran = len(late)
    contender.is_fresh = ran == count
    return {
        "of": count,
        "ran": ran,
        "twice": len(accepted) - len(first),
        "late_min": late[0] if late else None,
        "late_p50": statistics.median(late) if late else None,
        "late_p99": late[-(-99 * ran // 100) - 1] if late else None,
        "late_max": late[-1] if late else None,
        "texts_per_second": ran / max(late[-1], 0.001) if late else 0.0,
        "cpu_ms_a_text": 1000 * spent[0].cpu_seconds / ran if ran else None,
        "servers_cpu_ms_a_text": 1000 * spent[1].cpu_seconds / ran if ran else None,
    }


def _killed(contender: Contender, what: str, form: Form) -> dict[str, Any]:
    """What a kill -9 in the middle of a burst leaves undone, and does twice."""
    _freshen(contender, form)
    contender.start_to_be_killed()
    _settle(contender, form)
    count = form.burst
    due_at = _add(contender, count, form)
    _sleep_until(due_at)
    at_kill = _wait_for(contender, count // 3, due_at + form.within_seconds, look_every=0.005)
    contender.kill_and_start(what)
    killed_at = time.time()
    give_up_at = killed_at + form.undone_after_seconds
    done = 0
    while time.time() < give_up_at:
        if _wait_for(contender, count, give_up_at) >= count:
            done = len({to for _, to in _accepted(contender)})
            if done == count:
                time.sleep(min(form.linger_seconds, max(0.0, give_up_at - time.time())))
                break
            time.sleep(0.5)
    accepted = _accepted(contender)
    first = dict(reversed([(to, at) for at, to in accepted]))
    contender.is_fresh = len(first) == count
    return {
        "of": count,
        "done_at_kill": at_kill,
        "undone": count - len(first),
        "twice": len(accepted) - len(first),
        "last_after_kill_seconds": max(first.values()) - killed_at if first else None,
    }


def _freshen(contender: Contender, form: Form) -> None:
    """After a measurement that left something undone, nothing of it must be in the way of the next."""
    if not contender.is_fresh:
        contender.reload()
        _settle(contender, form)


# --- Texts and Twilio ---------------------------------------------------------------------------------------


def _add(contender: Contender, count: int, form: Form) -> float:
    """Texts that are due together, soon enough after they were added; when, in seconds since 1970."""
    _reset_twilio(contender)
    lead_seconds = form.lead_seconds + count / 500
    for _ in range(3):
        due_at = contender.add_burst(count, time.time() + lead_seconds)
        if time.time() < due_at - 0.6:
            return due_at
        report.say(f"{contender.name}: adding {count} took longer than {lead_seconds:.0f} s, and again")
        lead_seconds *= 3
        _wait_for(contender, count, time.time() + 60)
        _reset_twilio(contender)
    raise RuntimeError(f"{contender.name} could not add {count} texts before they were due")


def _reset_twilio(contender: Contender) -> None:
    contender.stack.twilio.reset()
    contender.stack.twilio.latency(0)


def _wait_for(contender: Contender, count: int, until: float, look_every: float = 0.1) -> int:
    """How many texts Twilio has accepted, as soon as there are ``count`` or it is ``until``."""
    twilio = contender.stack.twilio
    while (accepted := int(twilio.stats()["accepted"])) < count and time.time() < until:
        time.sleep(look_every)
    return accepted


def _accepted(contender: Contender) -> list[tuple[float, str]]:
    """Moment, in seconds since 1970, and phone of each text, in order."""
    return [(text["accepted_at_ms"] / 1000, text["to"]) for text in contender.stack.twilio.messages()]


def _sleep_until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.time()))


# --- Tables -------------------------------------------------------------------------------------------------


def _tables(found: Sequence[dict[str, Any]], form: Form) -> list[str]:
    return [
        _table([case for case in found if case["pending"] == pending], pending, form)
        for pending in sorted({case["pending"] for case in found})
    ]


def _table(cases: Sequence[dict[str, Any]], pending: int, form: Form) -> str:
    headings = [
        f"{pending:,} pending",
        f"ran of {form.burst:,}",
        "late p50 s",
        "p99",
        "max",
        "texts/s",
        "CPU ms/text",
        "servers'",
        *([f"ran of {form.large:,}", "late p99", "texts/s"] if form.large else []),
        "idle CPU %",
        "MiB",
        "bytes/pending",
        "restart s",
        "undone",
        "twice",
    ]
    title = (
        f"Reminders due in one second, {pending:,} pending in the future; medians of {form.runs}; undone and twice: of"
        f" {form.burst:,}, {form.undone_after_seconds:.0f} s after kill -9 of all workers"
    )
    return report.table(title, headings, [row for case in cases for row in _rows(case, form, len(headings))])


def _rows(case: dict[str, Any], form: Form, width: int) -> Iterator[list[object]]:
    if "bursts" not in case:
        yield [f"{case['contender']}: {case.get('skipped', 'broke')}", *[None] * (width - 1)]
        return
    idle = [one for name, one in case["idle"].items() if name not in ("PostgreSQL", "Valkey")]
    killed = list(case["killed"].items())
    middle: Callable[[str], object] = lambda name: _median(burst[name] for burst in case["bursts"])  # noqa: E731
    large = case["large"] or {}
    yield [
        case["contender"],
        min(burst["ran"] for burst in case["bursts"]),
        *(middle(f"late_{which}") for which in ("p50", "p99", "max")),
        middle("texts_per_second"),
        middle("cpu_ms_a_text"),
        middle("servers_cpu_ms_a_text"),
        *((large.get("ran"), large.get("late_p99"), large.get("texts_per_second")) if form.large else ()),
        sum(one["cpu_percent"] for one in idle),
        sum(one["memory_mib"] for one in idle),
        case["bytes_a_pending"],
        case["restart_seconds"],
        killed[0][1]["undone"],
        killed[0][1]["twice"],
    ]
    for what, figures in killed[1:]:
        yield [f"  kill of {what}", *[None] * (width - 3), figures["undone"], figures["twice"]]


def _median(values: Iterator[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def _seconds(value: float | None) -> str:
    return "not" if value is None else f"{value:.1f} s"


def main() -> int:
    parser = report.parser("reminders", __doc__)
    parser.add_argument("--only", default="", help=f"some of {','.join([OURS, *PEERS])}")
    parser.add_argument("--pending", default="", help="the backlogs instead of the usual ones, such as 0,1000000")
    options = parser.parse_args()
    backlogs = tuple(int(size) for size in options.pending.split(",")) if options.pending else None
    return report.show(options, measure(options.quick, options.only, backlogs))


if __name__ == "__main__":
    sys.exit(main())
