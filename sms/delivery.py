"""How one text gets out, once: claim the row, re-check and render it, hand it to Twilio, record the answer.

Each step is a function and each commits on its own, so that a process can die between any two of them:

- before `claim` commits: the row is still pending, and is offered again;
- after it: the row's lease runs out, and `sms.reconcile` finds out whether Twilio has the text.

No transaction is open, and no lock held, while Twilio is asked.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Exists, F, Func, JSONField, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Coalesce, Now

from sms import holds, metrics, opt_outs, transport
from sms.errors import Ambiguous, NotProcessed, OptedOut, Rejected, SenderBlocked, TextBlocked, TransportError
from sms.models import Message
from sms.segments import count_segments

log = structlog.get_logger(__name__)

MAX_BACKOFF_SECONDS = 20.0
FIRST_PATIENCE_SECONDS, MAX_PATIENCE_SECONDS = 30.0, 3600.0
SUPERSEDED_BY_NEWER = "a newer text took its place"


@dataclass(frozen=True)
class Text:
    """What goes out: ``to`` in E.164."""

    to: str
    body: str


@dataclass(frozen=True)
class Withdrawn:
    """Why nothing goes out; the row ends in this status."""

    status: Message.Status
    reason: str


# Looks at the booking as it is now: what its text says, or why there is none. Called inside the claim.
Compose = Callable[[Message, datetime], Text | Withdrawn]


@dataclass(frozen=True)
class Claim:
    """A text that this worker alone may send, until ``deadline`` (of `time.monotonic`)."""

    outgoing: transport.Outgoing
    booking_id: int
    kind: str
    deadline: float
    claimed_at: float
    overdue_seconds: float
    is_probe: bool = False  # the one text that tests whether a stopped sender works again

    def lateness_seconds(self) -> float:
        """From the moment the text was due until now."""
        return self.overdue_seconds + time.monotonic() - self.claimed_at


def deliver(booking_id: int, kind: Message.Kind, compose: Compose) -> None:
    """Send the text of this kind that the booking owes now, if it owes one and nobody else has it."""
    claimed = claim(booking_id, kind, compose)
    if claimed is None:
        return
    try:
        accepted = hand_over(claimed)
    except TransportError as error:
        record_failure(claimed, error)
    else:
        record_accepted(claimed, accepted)


def claim(booking_id: int, kind: Message.Kind, compose: Compose) -> Claim | None:
    """Take the due row for this worker, or close it where its text is no longer right.

    The row's lock spans the re-check: whoever moves the booking either withdrew this row before, or waits and
    then finds the text on its way.
    """
    claimed_at = time.monotonic()
    with transaction.atomic():
        message = _due_row(booking_id, kind)
        if message is None:
            return None
        now: datetime = message.now
        verdict = check(message, now, compose)
        if isinstance(verdict, Withdrawn):
            close(message, verdict)
            return None
        hold = holds.current()
        if hold is not None and hold.probe_id != message.pk:
            return None  # stays pending, until the sender is in order again
        _mark_sending(message, verdict, now)
    return Claim(
        outgoing=transport.Outgoing(
            message_id=message.pk,
            attempt=message.attempts,
            to=message.to,
            body=message.body,
            useful_seconds=(message.expires_at - now).total_seconds(),
        ),
        booking_id=booking_id,
        kind=message.kind,
        is_probe=hold is not None,
        claimed_at=claimed_at,
        overdue_seconds=(now - message.due_at).total_seconds(),
        deadline=claimed_at + settings.SMS_CLAIM_LEASE_SECONDS - 2 * settings.SMS_HTTP_TIMEOUT_SECONDS,
    )


def _due_row(booking_id: int, kind: Message.Kind) -> Any:
    """The row that may go out now, locked, with the database's ``now``.

    While another text of the same booking is with Twilio this one waits, so that they arrive in order.
    """
    another_on_its_way = Message.objects.filter(booking_id=OuterRef("booking_id"), status=Message.Status.SENDING)
    return (
        Message.objects.select_for_update(skip_locked=True, of=("self",))
        .annotate(now=Now())
        .filter(booking_id=booking_id, kind=kind, status=Message.Status.PENDING, due_at__lte=Now())
        .filter(Q(attempts=0) | Q(next_attempt_at__lte=Now()))
        .filter(~Exists(another_on_its_way))
        .first()
    )


def check(message: Message, now: datetime, compose: Compose) -> Text | Withdrawn:
    """What the row may say now, or why it may say nothing."""
    if now >= message.expires_at:
        return Withdrawn(Message.Status.EXPIRED, "too late to help")
    if message.attempts and has_newer(message):
        return Withdrawn(Message.Status.SUPERSEDED, SUPERSEDED_BY_NEWER)
    verdict = compose(message, now)
    if isinstance(verdict, Text) and opt_outs.is_opted_out(verdict.to):
        return Withdrawn(Message.Status.SKIPPED, opt_outs.REASON)
    return verdict


def has_newer(message: Message) -> bool:
    """Has the booking planned another text of this kind since?"""
    return _of_the_same_kind(message).filter(pk__gt=message.pk).exists()


def _of_the_same_kind(message: Message) -> QuerySet[Message]:
    """The booking's texts that replace each other. One customer's cancellation does not replace another's."""
    same = Message.objects.filter(booking_id=message.booking_id, kind=message.kind)
    return same.filter(customer_id=message.customer_id) if message.kind == Message.Kind.CANCELLATION else same


def close(message: Message, verdict: Withdrawn) -> None:
    Message.objects.filter(pk=message.pk).update(status=verdict.status, reason=verdict.reason, leased_until=None)
    metrics.ENDED.labels(message.kind, verdict.status).inc()
    log.info("text_withdrawn", **_event(message), status=verdict.status, reason=verdict.reason)


def _mark_sending(message: Message, text: Text, now: datetime) -> None:
    message.to, message.body = text.to, text.body
    message.segments = count_segments(text.body).segments
    message.status, message.reason = Message.Status.SENDING, ""
    message.attempts += 1
    message.attempted_at = now
    message.leased_until = now + timedelta(seconds=settings.SMS_CLAIM_LEASE_SECONDS)
    message.save(
        update_fields=[
            "to",
            "body",
            "segments",
            "status",
            "reason",
            "attempts",
            "attempted_at",
            "leased_until",
        ]
    )


def hand_over(claimed: Claim) -> transport.Accepted:
    """Ask Twilio to take the text.

    Raises:
      TransportError: it did not, or nobody knows.
    """
    if time.monotonic() >= claimed.deadline:
        # This process slept (a paused machine, a debugger): the lease may be another's by the time of the answer.
        raise NotProcessed("not sent: the claim had grown too old")
    with metrics.SEND_SECONDS.time():
        return transport.send(claimed.outgoing)


def record_accepted(claimed: Claim, accepted: transport.Accepted) -> None:
    """Note Twilio's sid. A callback may have come first: what it said stays."""
    updated = _own_row(claimed).update(
        status=Message.Status.SENT,
        reason="",
        sid=accepted.sid,
        segments=accepted.segments or F("segments"),
        sent_at=Coalesce(F("sent_at"), Now()),
        leased_until=None,
    )
    metrics.ENDED.labels(claimed.kind, Message.Status.SENT).inc()
    metrics.LATENESS.labels(claimed.kind).observe(claimed.lateness_seconds())
    if claimed.is_probe:
        holds.lift()
    log.info("text_sent", **_claim_event(claimed), sid=accepted.sid, recorded=bool(updated))


def record_failure(claimed: Claim, error: TransportError) -> None:
    """Note what went wrong and, with it, what happens next."""
    what_next = _what_next(claimed, error)
    changes = {
        "reason": error.detail,
        "error_code": error.code,
        "trail": append_to_trail(claimed.outgoing.attempt, error.detail, error.code, then=what_next["status"]),
        **what_next,
    }
    close_attempt(_own_row(claimed), **changes)
    if isinstance(error, SenderBlocked):
        holds.place(error)
    elif isinstance(error, TextBlocked):
        holds.tell_of_blocked(claimed.outgoing.message_id, error)
    elif isinstance(error, OptedOut):
        opt_outs.record(claimed.outgoing.to, source=str(error.code))
    level = log.warning if isinstance(error, Rejected) else log.info
    level("text_not_sent", **_claim_event(claimed), error=type(error).__name__, detail=error.detail)


def close_attempt(row: QuerySet[Message], **changes: Any) -> None:
    """Write what came of an attempt at a text.

    One that would wait to be sent again gives way to a newer text of its booking and kind, and an older one to it:
    only one can wait, and the newest says what is true.

    Args:
      row: the one row, if it is still in the state that the attempt left it in.
    """
    message = row.first() if changes.get("status") == Message.Status.PENDING else None
    if message is None:
        row.update(**changes)
        return
    gives_way = {"status": Message.Status.SUPERSEDED, "reason": SUPERSEDED_BY_NEWER, "leased_until": None}
    waiting = _of_the_same_kind(message).filter(status=Message.Status.PENDING)
    try:
        with transaction.atomic():
            waiting.filter(pk__lt=message.pk).update(**gives_way)
            row.update(**changes | (gives_way if has_newer(message) else {}))
    except IntegrityError:  # the newer text was planned between these two lines
        row.update(**changes | gives_way)


def _what_next(claimed: Claim, error: TransportError) -> dict[str, Any]:
    if isinstance(error, Ambiguous):
        metrics.AMBIGUOUS.inc()
        return {"status": Message.Status.UNKNOWN, "leased_until": Now()}
    if isinstance(error, NotProcessed):
        metrics.RETRIES.inc()
        pause = patience_seconds if isinstance(error, TextBlocked) else backoff_seconds
        wait = error.retry_after_seconds or pause(claimed.outgoing.attempt)
        return {
            "status": Message.Status.PENDING,
            "leased_until": None,
            "next_attempt_at": Now() + timedelta(seconds=wait),
        }
    status = Message.Status.SKIPPED if isinstance(error, OptedOut) else Message.Status.FAILED
    metrics.ENDED.labels(claimed.kind, status).inc()
    return {"status": status, "leased_until": None}


def backoff_seconds(attempt: int) -> float:
    """Full jitter on a doubling wait: attempt 1 waits up to 1 s, the sixth and later 20 s."""
    ceiling = min(MAX_BACKOFF_SECONDS, 2.0 ** min(attempt - 1, 10))
    return random.uniform(ceiling / 2, ceiling)  # noqa: S311


def patience_seconds(attempt: int) -> float:
    """The wait of a text that only a person can help: about as long as it has waited already, 30 s to an hour."""
    ceiling = min(MAX_PATIENCE_SECONDS, FIRST_PATIENCE_SECONDS * 2.0 ** min(attempt - 1, 10))
    return random.uniform(ceiling / 2, ceiling)  # noqa: S311


def append_to_trail(attempt: int | F, outcome: str, code: int | None = None, then: str = "") -> Func:
    """An SQL expression: the row's trail with one more line; ``then`` is the state that the row came into."""
    entry = Func(
        Value("attempt"),
        attempt if isinstance(attempt, F) else Value(attempt),
        Value("at"),
        Now(),
        Value("outcome"),
        Value(outcome),
        Value("code"),
        Value(code),
        Value("then"),
        Value(str(then)),
        function="jsonb_build_object",
        output_field=JSONField(),
    )
    return Func(F("trail"), entry, template="(%(expressions)s)", arg_joiner=" || ", output_field=JSONField())


def _own_row(claimed: Claim) -> QuerySet[Message]:
    """The claimed row while it is still this attempt's: a later attempt, or a callback's word, stands."""
    return Message.objects.filter(
        pk=claimed.outgoing.message_id,
        attempts=claimed.outgoing.attempt,
        status__in=[Message.Status.SENDING, Message.Status.UNKNOWN],
    )


def _event(message: Message) -> dict[str, object]:
    return {"message_id": message.pk, "booking_id": message.booking_id, "kind": message.kind}


def _claim_event(claimed: Claim) -> dict[str, object]:
    return {
        "message_id": claimed.outgoing.message_id,
        "booking_id": claimed.booking_id,
        "kind": claimed.kind,
        "attempt": claimed.outgoing.attempt,
    }
