"""What is stuck, why, and what will happen next, in plain words."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import redis
from django.db.models import Count, Min, Q

from booking_api.broker import broker
from sms import heartbeats, holds, metrics
from sms.clock import database_now
from sms.dispatch import LANES
from sms.models import Message, SenderHold
from sms.transport import TEXT_BLOCKED_CODES

Status = Message.Status
SILENT_AFTER = timedelta(seconds=30)


def findings() -> Iterator[str]:
    """One sentence for each thing that keeps texts from going out; none where all is well."""
    now = database_now()
    yield from _stopped_senders()
    yield from _blocked_texts()
    yield from _silent_processes(now)
    yield from _redis()
    yield from _overdue(now)
    yield from _in_doubt(now)
    yield from _failed(now)


def story(booking_id: int) -> Iterator[str]:
    """A booking's texts, oldest first: what became of each and what happens next."""
    now = database_now()
    for message in Message.objects.filter(booking_id=booking_id).order_by("created_at", "id"):
        yield f"{message.kind} {message.pk}, planned {_clock(message.created_at)}, due {_clock(message.due_at)}"
        for entry in message.trail:
            yield f"    attempt {entry['attempt']} at {entry['at'][:19].replace('T', ' ')}: {entry['outcome']}"
        yield f"    {message.status}{_because(message)}; {_next_step(message, now)}"


def _stopped_senders() -> Iterator[str]:
    for hold in SenderHold.objects.order_by("since"):
        yield (
            f"Nothing goes out from {hold.sender} since {_clock(hold.since)}: {hold.detail}. Put the account or the "
            f"sender right at Twilio; the next text is let through as a probe at {_clock(hold.probe_at)}, and when "
            "Twilio takes it the others follow by themselves."
        )


def _blocked_texts() -> Iterator[str]:
    for code, texts in sorted(holds.blocked_texts().items()):
        yield (
            f"{_count(texts, 'waits', 'wait')} for a person: Twilio refuses where it goes or what it says (error "
            f"{code}); others go out. What to do: {TEXT_BLOCKED_CODES[code]}. Each is tried again by itself, at the "
            "latest after an hour, until its visit begins."
        )


def _silent_processes(now: datetime) -> Iterator[str]:
    seen = heartbeats.last_beats()
    for process in (heartbeats.DISPATCHER, heartbeats.WORKER):
        if process not in seen:
            yield f"No {process} has ever been seen. Start one (see Procfile); what is due goes out then."
        elif now - seen[process] > SILENT_AFTER:
            yield f"No {process} seen since {_clock(seen[process])}. Start one (see Procfile); nothing is lost."


def _redis() -> Iterator[str]:
    try:
        broker.client.ping()
    except redis.RedisError as error:
        yield f"Redis does not answer ({error}). Texts wait in PostgreSQL and go out within seconds of its return."


def _overdue(now: datetime) -> Iterator[str]:
    due = Message.objects.filter(status=Status.PENDING, next_attempt_at__lte=now)
    due = due.filter(Q(error_code=None) | ~Q(error_code__in=TEXT_BLOCKED_CODES))
    standing = due.aggregate(texts=Count("pk"), oldest=Min("due_at"))
    if standing["oldest"] and now - standing["oldest"] > timedelta(seconds=5):
        yield (
            f"{_count(standing['texts'], 'is', 'are')} due, the oldest since {_clock(standing['oldest'])}. "
            f"{_queued()}What is due goes out as soon as a dispatcher, Redis and a worker are there; what comes too "
            "late is not sent and says so."
        )


def _queued() -> str:
    try:
        queued = sum(broker.queue_length(lane) for lane in LANES)
    except redis.RedisError:
        return ""
    return f"In Redis, for a worker: {queued}. "


def _in_doubt(now: datetime) -> Iterator[str]:
    in_doubt = metrics.ledger_now()["unknown"]
    if in_doubt:
        yield (
            f"{_count(in_doubt, 'is', 'are')} being traced: Twilio may or may not have accepted it. Each is looked up "
            "until it is found or proven absent, then counted as sent or sent once more."
        )


def _failed(now: datetime) -> Iterator[str]:
    failed = Message.objects.filter(status=Status.FAILED, due_at__gte=now - timedelta(days=1))
    for row in failed.values("reason").annotate(texts=Count("pk")).order_by("-texts")[:5]:
        yield f"{_count(row['texts'])} failed in the last 24 hours: {row['reason']}. Not sent again."


def _because(message: Message) -> str:
    return f" ({message.reason})" if message.reason else ""


def _next_step(message: Message, now: datetime) -> str:
    if message.status == Status.PENDING:
        moment = max(message.next_attempt_at, message.due_at)
        return f"goes out at {_clock(moment)}" if moment > now else "goes out as soon as a worker takes it"
    if message.status == Status.SENDING:
        return f"a worker has it until {_clock(message.leased_until or now)}; if it does not come back it is traced"
    if message.status == Status.UNKNOWN:
        return f"looked up at Twilio next at {_clock(message.leased_until or now)}"
    if message.status == Status.SENT:
        return "Twilio has it; its delivery report is awaited"
    return "nothing more happens"


def _count(texts: int, one: str = "", several: str = "") -> str:
    """`1 text is`, `2 texts are`."""
    return f"1 text {one}".rstrip() if texts == 1 else f"{texts} texts {several}".rstrip()


def _clock(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
