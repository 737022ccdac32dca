"""A Saturday of 1,000 salons squeezed into minutes: visits in the book, bookings, moves, cancellations and replies.

Everything is real and on one machine: web, dispatcher, worker (2 processes), PostgreSQL and Valkey as durable as in
production, the local Twilio with its delivery reports. The product goes by the real clock, so the day is squeezed by
where the visits lie: each so many whole minutes (its salon's reminder minutes) after the moment at which its reminder
has its place in the squeezed day. What falls due at the full hour stays due in one second; only the rest of the hour
is shorter, and so the machine busier than on a day of that size. The visits of the morning are written straight into
the database, as if booked days ago; all that happens on the day comes over HTTP.

At the end every text that the phones got, and that the ledger says went out, is held against what was owed, worked out
from the answers that the calls got and nothing else (`tests.faults.verdict`).
"""

from __future__ import annotations

import itertools
import statistics
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import redis

from bench import day_picture, report, usage
from bench.day_plan import CLOSES, OPENS, draw
from bench.day_staff import Clock, Staff, Visit, import_visits, open_salons
from devstack.paths import CHECKOUT
from tests.faults.verdict import Received, Verdict, judge
from tests.processes import Stack

PICTURE = CHECKOUT / "docs" / "img" / "long-day.png"
SETTLE_SECONDS = 90.0
MISTAKES = ("lost", "duplicate", "stale")
QUEUES = ("dramatiq:sms.now", "dramatiq:sms.reminders")  # the lanes of `sms.dispatch`, in Redis


@dataclass(frozen=True)
class Form:
    """How large a day: salons, visits in the book in the morning, bookings made on the day, and the squeeze."""

    salons: int
    visits: int
    bookings: int
    hour_seconds: float
    sample_seconds: float
    lead_seconds: float  # to write the morning's visits in


FULL = Form(1000, 16_500, 2300, hour_seconds=48.0, sample_seconds=4.0, lead_seconds=20.0)
QUICK = Form(50, 700, 150, hour_seconds=2.5, sample_seconds=1.0, lead_seconds=6.0)


@dataclass(frozen=True)
class Sample:
    """What is seen at one moment: texts due and not sent, of them in Redis; CPU seconds so far and memory by kind."""

    at: float
    due: int
    queued: int
    cpu_seconds: Mapping[str, float]
    memory_mib: Mapping[str, float]


@dataclass(frozen=True)
class Sent:
    """A row of the ledger that went out. Moments are seconds since 1970."""

    kind: str
    to: str
    body: str
    sid: str
    due_at: float
    sent_at: float


def measure(quick: bool, form: Form | None = None, picture: Path | None = None) -> dict[str, Any]:
    form = form or (QUICK if quick else FULL)
    overrides = {"LOG_FORMAT": "json", "DEBUG": "false"}
    with Stack(overrides=overrides) as stack:
        report.say(f"opening {form.salons:,} salons")
        visits = open_salons(stack, draw(form.salons, form.visits, form.bookings))
        clock = Clock(time.time() + form.lead_seconds, form.hour_seconds)
        import_visits(stack, visits, clock)
        if time.time() > clock.begins_at:
            raise RuntimeError(f"the morning's visits took longer than {form.lead_seconds:g} s")
        staff, samples = _play(stack, visits, clock, form)
        settled_seconds = _settle(stack)
        found = _found(stack, staff, samples, form)
    found |= {"form": asdict(form), "settled_seconds": settled_seconds}
    if picture is not None:
        day_picture.draw(found, picture)
    return {**found, "tables": [_hours_table(found), _memory_table(found), _verdict_table(found)]}


def _play(stack: Stack, visits: Sequence[Visit], clock: Clock, form: Form) -> tuple[Staff, list[Sample]]:
    staff, watch = Staff(stack, visits, clock), _Watch(stack, form.sample_seconds)
    staff.warm_up()
    time.sleep(max(0.0, clock.begins_at - time.time()))
    watch.start()
    staff.start()
    for hour in range(int(OPENS) + 1, int(CLOSES) + 1):
        time.sleep(max(0.0, clock.moment(hour) - time.time()))
        report.say(f"{hour}:00, {len(staff.calls):,} calls, {len(staff.failed)} failed, {watch.samples[-1].due} due")
    watch.stop()
    staff.join(SETTLE_SECONDS)
    return staff, watch.samples


class _Watch(threading.Thread):
    """Takes a sample every so many seconds."""

    def __init__(self, stack: Stack, every_seconds: float) -> None:
        super().__init__(daemon=True)
        self.samples: list[Sample] = []
        self._stack, self._every_seconds, self._ended = stack, every_seconds, threading.Event()
        self._redis = redis.Redis.from_url(stack.environ["REDIS_URL"])

    def start(self) -> None:
        self._take()
        super().start()

    def run(self) -> None:
        next_at = self.samples[0].at
        while not self._ended.is_set():
            next_at += self._every_seconds
            if not self._ended.wait(max(0.0, next_at - time.time())):
                self._take()

    def stop(self) -> None:
        self._ended.set()
        self.join()
        self._take()

    def _take(self) -> None:
        stack = self._stack
        ((due,),) = stack.query("SELECT count(*) FROM sms_message WHERE status = 'pending' AND due_at <= now()")
        queued = sum(int(self._redis.llen(queue)) for queue in QUEUES)
        assert stack.postgres is not None
        assert stack.valkey is not None
        pids = {
            **{name: [unit.pid for unit in stack.units[name]] for name in ("web", "worker", "dispatcher")},
            "PostgreSQL": [stack.postgres.pid],
            "Valkey": [stack.valkey.pid],
            "local Twilio": [unit.pid for unit in stack.units["twilio"]],
        }
        used = {name: usage.of(those) for name, those in pids.items()}
        own = psutil.Process().cpu_times()
        cpu = {name: one.cpu_seconds for name, one in used.items()} | {"the benchmark": own.user + own.system}
        self.samples.append(Sample(time.time(), due, queued, cpu, {name: one.memory_mib for name, one in used.items()}))


_UNSETTLED = """
    SELECT count(*) FROM sms_message
     WHERE (status = 'pending' AND due_at <= now()) OR status IN ('sending', 'unknown', 'sent')
"""


def _settle(stack: Stack) -> float:
    """Wait until all that is due is out and its delivery report in, or long enough; how long it took."""
    began = time.monotonic()
    while time.monotonic() - began < SETTLE_SECONDS:
        ((unsettled,),) = stack.query(_UNSETTLED)
        if not unsettled and not stack.twilio.stats()["callbacks"]["waiting"]:
            break
        time.sleep(0.5)
    return time.monotonic() - began


# --- What is found ------------------------------------------------------------------------------------------

_SENT = """
    SELECT kind, "to", body, sid, extract(epoch FROM due_at)::float, extract(epoch FROM sent_at)::float
      FROM sms_message WHERE sid <> ''
"""
_OUTCOMES = """
    SELECT status, count(*) FROM sms_message WHERE status <> 'pending' OR due_at <= now() GROUP BY 1 ORDER BY 1
"""


def _found(stack: Stack, staff: Staff, samples: Sequence[Sample], form: Form) -> dict[str, Any]:
    clock, judged_at = staff.clock, time.time()
    sent = [Sent(*row) for row in stack.query(_SENT)]
    texts = stack.twilio.messages()
    at_twilio, in_ledger = {text["sid"] for text in texts}, {one.sid for one in sent}
    phones = _by_phone((text["to"], Received(text["body"], text["accepted_at_ms"] / 1000)) for text in texts)
    ledger = _by_phone((one.to, Received(one.body, one.sent_at)) for one in sent)
    ((refused,),) = stack.query("SELECT count(*) FROM sms_message WHERE error_code IS NOT NULL")
    ((tried_again,),) = stack.query("SELECT count(*) FROM sms_message WHERE attempts > 1")
    ((replies,),) = stack.query("SELECT count(*) FROM sms_inboundmessage")
    return {
        "calls": dict(Counter(call.what for call in staff.calls)),
        "failed_calls": staff.failed,
        "spans": _spans(sent, staff, samples),
        "samples": [_sample(one, clock) for one in samples],
        "hours": [_hour(hour, sent, staff, samples) for hour in range(int(OPENS), int(CLOSES))],
        "kinds": {kind: _lateness(one for one in sent if one.kind == kind) for kind in sorted({s.kind for s in sent})},
        "day": _lateness(sent) | {"busy": _busy(samples[0], samples[-1])},
        "cpu_seconds": {
            name: samples[-1].cpu_seconds[name] - before for name, before in samples[0].cpu_seconds.items()
        },
        "phones": _verdict(stack, staff, phones, judged_at),
        "ledger": _verdict(stack, staff, ledger, judged_at),
        "only_at_twilio": len(at_twilio - in_ledger),
        "only_in_ledger": len(in_ledger - at_twilio),
        "outcomes": dict(stack.query(_OUTCOMES)),
        "refused_by_twilio": refused,
        "tried_again": tried_again,
        "replies": {
            "sent": sum(call.what in ("stop", "reply") for call in staff.calls),
            "kept": replies,
        },
        "memory": _memory(samples),
    }


def _by_phone(texts: Iterable[tuple[str, Received]]) -> dict[str, list[Received]]:
    found: dict[str, list[Received]] = defaultdict(list)
    for to, text in sorted(texts, key=lambda one: one[1].at):
        found[to].append(text)
    return found


_EVIDENCE = """
    SELECT to_jsonb(message) - 'booking_id' - 'salon_id' - 'customer_id' FROM sms_message message
     WHERE "to" = %s ORDER BY id
"""
MOST_EVIDENCE = 50


def _verdict(
    stack: Stack, staff: Staff, received: Mapping[str, Sequence[Received]], judged_at: float
) -> dict[str, Any]:
    """Of whoever's calls were all answered: of the others nobody knows what they were owed."""
    known = {to: texts for to, texts in received.items() if to not in staff.failed}
    logs = [visit.log for visit in staff.visits if visit.log.phone_number not in staff.failed]
    verdict: Verdict = judge(logs, known, judged_at)
    counts = {kind: verdict.count(kind) for kind in MISTAKES}
    return {
        "visits": verdict.bookings,
        "owed": verdict.owed,
        "received": verdict.received,
        **counts,
        "findings": [
            asdict(finding)
            | {
                "done": [change for log in logs if log.phone_number == finding.phone_number for change in log.changes],
                "ledger": [row for (row,) in stack.query(_EVIDENCE, [finding.phone_number])],
            }
            for finding in verdict.findings[:MOST_EVIDENCE]
        ],
    }


def _lateness(sent: Iterable[Sent]) -> dict[str, Any]:
    late = sorted(one.sent_at - one.due_at for one in sent)
    return {
        "texts": len(late),
        "late_p50": statistics.median(late) if late else None,
        "late_p99": late[-(-99 * len(late) // 100) - 1] if late else None,
        "late_max": late[-1] if late else None,
    }


def _spans(sent: Sequence[Sent], staff: Staff, samples: Sequence[Sample]) -> list[dict[str, Any]]:
    """From each sample to the next; what was sent in it."""
    found = []
    for before, after in itertools.pairwise(samples):
        seconds = after.at - before.at
        lateness = _lateness(one for one in sent if before.at <= one.sent_at < after.at)
        calls = sum(before.at <= call.answered_at < after.at for call in staff.calls)
        found.append(
            {
                "hour": staff.clock.hour((before.at + after.at) / 2),
                **lateness,
                "per_second": lateness["texts"] / seconds,
                "calls_per_second": calls / seconds,
                "busy": _busy(before, after),
            }
        )
    return found


def _hour(hour: int, sent: Sequence[Sent], staff: Staff, samples: Sequence[Sample]) -> dict[str, Any]:
    begins, ends = staff.clock.moment(hour), staff.clock.moment(hour + 1)
    calls = [call for call in staff.calls if begins <= call.answered_at < ends]
    within = [one for one in samples if begins - 0.5 <= one.at <= ends + 0.5]
    return {
        "hour": hour,
        **_lateness(one for one in sent if begins <= one.sent_at < ends),
        "deepest": max(one.due for one in within),
        "calls": len(calls),
        **_waits(calls),
        "busy": _busy(within[0], within[-1]),
    }


def _waits(calls: Sequence[Any]) -> dict[str, float | None]:
    """Milliseconds from when staff meant to ask, whether or not a hand was free, until they had the answer."""
    waited = sorted((call.answered_at - call.meant_at) * 1000 for call in calls if call.what not in ("stop", "reply"))
    return {
        "call_p50_ms": statistics.median(waited) if waited else None,
        "call_p99_ms": waited[-(-99 * len(waited) // 100) - 1] if waited else None,
    }


def _busy(before: Sample, after: Sample) -> float:
    """How busy all of this kept the machine's cores, in %; what else ran on them is not in it."""
    spent = sum(after.cpu_seconds.values()) - sum(before.cpu_seconds.values())
    return 100 * spent / (after.at - before.at) / (psutil.cpu_count() or 1)


def _sample(one: Sample, clock: Clock) -> dict[str, Any]:
    return {"hour": clock.hour(one.at), "due": one.due, "queued": one.queued, "memory_mib": dict(one.memory_mib)}


def _memory(samples: Sequence[Sample]) -> dict[str, dict[str, float]]:
    """MiB of each kind: at first, in the second tenth of the day (warm by then), in the last one, and at most."""
    tenth = max(1, len(samples) // 10)
    found = {}
    for name in samples[0].memory_mib:
        taken = [one.memory_mib[name] for one in samples]
        warm, last = statistics.mean(taken[tenth : 2 * tenth]), statistics.mean(taken[-tenth:])
        found[name] = {"first": taken[0], "warm": warm, "last": last, "most": max(taken)}
    return found


# --- Tables -------------------------------------------------------------------------------------------------


def _hours_table(found: Mapping[str, Any]) -> str:
    late = ("late_p50", "late_p99", "late_max")
    rows: list[list[object]] = []
    for one in found["hours"]:
        spans = [span for span in found["spans"] if one["hour"] <= span["hour"] < one["hour"] + 1]
        rows.append(
            [
                f"{one['hour']}:00",
                one["texts"],
                max((span["per_second"] for span in spans), default=None),
                *(one[name] for name in late),
                one["deepest"],
                one["calls"],
                one["call_p50_ms"],
                one["call_p99_ms"],
                one["busy"],
            ]
        )
    for name, one in [*found["kinds"].items(), ("all", found["day"])]:
        rows.append([name, one["texts"], None, *(one[which] for which in late), *[None] * 4, one.get("busy")])
    form = found["form"]
    headings = [
        "hour",
        "texts",
        "most/s",
        "late p50 s",
        "p99",
        "max",
        "deepest queue",
        "calls",
        "p50 ms",
        "p99 ms",
        "cores busy %",
    ]
    title = f"A day of {form['salons']:,} salons, an hour in {form['hour_seconds']:g} s"
    return report.table(title, headings, rows)


def _memory_table(found: Mapping[str, Any]) -> str:
    rows = [
        [name, one["first"], one["warm"], one["last"], 100 * (one["last"] / one["warm"] - 1), one["most"]]
        for name, one in found["memory"].items()
    ]
    headings = ["MiB (PSS)", "at first", "second tenth", "last tenth", "change %", "most"]
    return report.table("Memory over the day", headings, rows)


def _verdict_table(found: Mapping[str, Any]) -> str:
    rows = [
        [name, one["visits"], one["owed"], one["received"], one["lost"], one["duplicate"], one["stale"], only]
        for name, one, only in (
            ("the phones got", found["phones"], found["only_at_twilio"]),
            ("the ledger says", found["ledger"], found["only_in_ledger"]),
        )
    ]
    headings = ["", "visits", "owed for certain", "texts", "lost", "twice", "wrong", "not in the other"]
    replies = found["replies"]
    return report.table(
        f"What was owed by the answers that {sum(found['calls'].values()):,} calls got ({len(found['failed_calls'])}"
        f" failed; replies kept: {replies['kept']} of {replies['sent']})",
        headings,
        rows,
    )


def main() -> int:
    parser = report.parser("long_day", __doc__)
    parser.add_argument("--picture", type=Path, help="where the picture goes (of a full run: docs/img/long-day.png)")
    options = parser.parse_args()
    picture = options.picture or (None if options.quick else PICTURE)
    found = measure(options.quick, picture=picture)
    report.show(options, found)
    wrong = _wrong(found)
    if wrong:
        report.say(f"This day was not as it should be: {', '.join(wrong)}.")
    return 1 if wrong else 0


def _wrong(found: Mapping[str, Any]) -> list[str]:
    """What must not be after a day on which nothing was broken on purpose."""
    counts = {
        **{f"{what}, by the {by}": found[by][what] for by in ("phones", "ledger") for what in MISTAKES},
        "texts only at Twilio": found["only_at_twilio"],
        "texts only in the ledger": found["only_in_ledger"],
        "calls failed": len(found["failed_calls"]),
        "settling timed out": int(found["settled_seconds"] >= SETTLE_SECONDS),
    }
    return [f"{what}: {count}" for what, count in counts.items() if count]


if __name__ == "__main__":
    sys.exit(main())
