"""How one text gets out, once: claim the row, re-check and render it, hand it to Twilio, record the answer.

Each step is a function and each commits on its own, so that a process can die between any two of them:

- before `claim` commits: the row is still pending, and is offered again;
- after it: the row's lease runs out, and `sms.reconcile` finds out whether Twilio has the text.

No transaction is open, and no lock or connection held, while Twilio is asked. Claims of the same moment share a
transaction, and so do records (`sms.batches`).
"""

from __future__ import annotations

import random
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import F, Func, JSONField, QuerySet, Value
from django.db.models.functions import Now

from sms import holds, metrics, opt_outs, transport
from sms.batches import Batched
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


# Looks at the bookings as they are now: what each text says, or why there is none. Called inside the claim.
Compose = Callable[[Sequence[Message]], Sequence[Text | Withdrawn]]


@dataclass(frozen=True)
class Owed:
    """The text of a kind that a booking owes now, and what words it."""

    booking_id: int
    kind: Message.Kind
    compose: Compose


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
    return claims(Owed(booking_id, kind, compose))


def _claim_all(owed: Sequence[Owed]) -> list[Claim | None]:
    """Texts of one booking take turns, so that they arrive in order; all others are claimed in one transaction."""
    claimed: list[Claim | None] = [None] * len(owed)
    waiting = dict(enumerate(owed))
    while waiting:
        turn = {one.booking_id: place for place, one in reversed(waiting.items())}  # the first of each booking
        places = list(turn.values())
        for place, claim in zip(places, _claim_one_a_booking([owed[place] for place in places]), strict=True):
            claimed[place] = claim
            del waiting[place]
    return claimed


def _claim_one_a_booking(owed: Sequence[Owed]) -> list[Claim | None]:
    claimed_at = time.monotonic()
    going: dict[int, Any] = {}
    with transaction.atomic():
        rows = _due_rows(owed)
        for row, verdict in check(owed, rows):
            if isinstance(verdict, Withdrawn):
                close(row, verdict)
            elif row.hold_id is None or row.probe_id == row.pk:  # else it waits until the sender is in order again
                row.to, row.body = verdict.to, verdict.body
                going[row.booking_id] = row
        _mark_sending(list(going.values()))
    return [_claim_of(going[one.booking_id], claimed_at) if one.booking_id in going else None for one in owed]


def _claim_of(row: Any, claimed_at: float) -> Claim:
    return Claim(
        outgoing=transport.Outgoing(
            message_id=row.pk,
            attempt=row.attempts,
            to=row.to,
            body=row.body,
            useful_seconds=(row.expires_at - row.now).total_seconds(),
        ),
        booking_id=row.booking_id,
        kind=row.kind,
        is_probe=row.hold_id is not None,
        claimed_at=claimed_at,
        overdue_seconds=(row.now - row.due_at).total_seconds(),
        deadline=claimed_at + settings.SMS_CLAIM_LEASE_SECONDS - 2 * settings.SMS_HTTP_TIMEOUT_SECONDS,
    )


# The bookings as a constant, not as a join: else, while statistics are old, PostgreSQL may walk all that is pending.
_DUE = """
    SELECT message.*, statement_timestamp() AS now, hold.id AS hold_id, hold.probe_id,
           EXISTS (SELECT FROM sms_optout WHERE phone_number = message."to" AND sender = %(sender)s) AS is_opted_out
      FROM sms_message message LEFT JOIN sms_senderhold hold ON hold.sender = %(sender)s
     WHERE booking_id = ANY(%(bookings)s) AND kind = %(kind)s AND status = 'pending'
       AND due_at <= statement_timestamp() AND (attempts = 0 OR next_attempt_at <= statement_timestamp())
       AND NOT EXISTS (SELECT FROM sms_message another
                        WHERE another.booking_id = message.booking_id AND another.status = 'sending')
     ORDER BY created_at DESC, message.id DESC
       FOR UPDATE OF message SKIP LOCKED
"""


def _due_rows(owed: Sequence[Owed]) -> dict[int, Any]:
    """The rows that may go out now, locked, by booking.

    Each with the database's ``now``, the hold on our sender, and whether the phone it was planned for has opted out.

    While another text of the same booking is with Twilio a text waits, so that they arrive in order.
    """
    bookings: dict[Message.Kind, list[int]] = defaultdict(list)
    for one in owed:
        bookings[one.kind].append(one.booking_id)
    rows: dict[int, Any] = {}
    for kind, those in bookings.items():
        asked = {"bookings": those, "kind": kind.value, "sender": settings.TWILIO_PHONE_NUMBER}
        for row in Message.objects.raw(_DUE, asked):
            rows.setdefault(row.booking_id, row)
    return rows


def check(owed: Sequence[Owed], rows: Mapping[int, Any]) -> list[tuple[Any, Text | Withdrawn]]:
    """What each row may say now, or why it may say nothing."""
    verdicts: list[tuple[Any, Text | Withdrawn]] = []
    to_compose: dict[Compose, list[Any]] = defaultdict(list)
    for one in owed:
        row = rows.get(one.booking_id)
        if row is None:
            continue
        if row.now >= row.expires_at:
            verdicts.append((row, Withdrawn(Message.Status.EXPIRED, "too late to help")))
        elif row.attempts and has_newer(row):
            verdicts.append((row, Withdrawn(Message.Status.SUPERSEDED, SUPERSEDED_BY_NEWER)))
        else:
            to_compose[one.compose].append(row)
    for compose, together in to_compose.items():
        verdicts += zip(together, compose(together), strict=True)
    no_more = Withdrawn(Message.Status.SKIPPED, opt_outs.REASON)
    return [(row, no_more if _is_opted_out(row, verdict) else verdict) for row, verdict in verdicts]


def _is_opted_out(row: Any, verdict: Text | Withdrawn) -> bool:
    if isinstance(verdict, Withdrawn):
        return False
    is_opted_out: bool = row.is_opted_out if verdict.to == row.to else opt_outs.is_opted_out(verdict.to)
    return is_opted_out


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


_MARK_SENDING = """
    UPDATE sms_message
       SET "to" = going."to", body = going.body, segments = going.segments, status = 'sending', reason = '',
           attempts = attempts + 1, attempted_at = statement_timestamp(),
           leased_until = statement_timestamp() + make_interval(secs => %(lease)s)
      FROM unnest(%(ids)s::bigint[], %(to)s::text[], %(bodies)s::text[], %(segments)s::int[])
           going (id, "to", body, segments)
     WHERE sms_message.id = going.id
"""


def _mark_sending(rows: Sequence[Message]) -> None:
    if not rows:
        return
    for row in rows:
        row.attempts += 1
    with connection.cursor() as cursor:
        cursor.execute(
            _MARK_SENDING,
            {
                "ids": [row.pk for row in rows],
                "to": [row.to for row in rows],
                "bodies": [row.body for row in rows],
                "segments": [count_segments(row.body).segments for row in rows],
                "lease": settings.SMS_CLAIM_LEASE_SECONDS,
            },
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


@dataclass(frozen=True)
class Outcome:
    """What came of a claim: Twilio's answer, or what stood in its way."""

    claimed: Claim
    answer: transport.Accepted | TransportError


def record_accepted(claimed: Claim, accepted: transport.Accepted) -> None:
    """Note Twilio's sid. A callback may have come first: what it said stays."""
    is_recorded = records(Outcome(claimed, accepted))
    metrics.ENDED.labels(claimed.kind, Message.Status.SENT).inc()
    metrics.LATENESS.labels(claimed.kind).observe(claimed.lateness_seconds())
    log.info("text_sent", **_claim_event(claimed), sid=accepted.sid, recorded=is_recorded)


def record_failure(claimed: Claim, error: TransportError) -> None:
    """Note what went wrong and, with it, what happens next."""
    records(Outcome(claimed, error))
    level = log.warning if isinstance(error, Rejected) else log.info
    level("text_not_sent", **_claim_event(claimed), error=type(error).__name__, detail=error.detail)


def _record_all(outcomes: Sequence[Outcome]) -> list[bool]:
    """Whether each was still this attempt's to record; those that Twilio has accepted first, in one statement."""
    accepted = [(one.claimed, one.answer) for one in outcomes if isinstance(one.answer, transport.Accepted)]
    recorded = _write_accepted(accepted) if accepted else set()
    if any(claimed.is_probe for claimed, _ in accepted):
        holds.lift()
    for one in outcomes:
        if isinstance(one.answer, TransportError) and _write_failure(one.claimed, one.answer):
            recorded.add(one.claimed.outgoing.message_id)
    return [one.claimed.outgoing.message_id in recorded for one in outcomes]


_WRITE_ACCEPTED = """
    UPDATE sms_message
       SET status = 'sent', reason = '', sid = accepted.sid, leased_until = NULL,
           segments = coalesce(nullif(accepted.segments, 0), sms_message.segments),
           sent_at = coalesce(sent_at, statement_timestamp())
      FROM unnest(%(ids)s::bigint[], %(attempts)s::int[], %(sids)s::text[], %(segments)s::int[])
           accepted (id, attempt, sid, segments)
     WHERE sms_message.id = accepted.id AND attempts = accepted.attempt AND status IN ('sending', 'unknown')
    RETURNING sms_message.id
"""


def _write_accepted(accepted: Sequence[tuple[Claim, transport.Accepted]]) -> set[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            _WRITE_ACCEPTED,
            {
                "ids": [claimed.outgoing.message_id for claimed, _ in accepted],
                "attempts": [claimed.outgoing.attempt for claimed, _ in accepted],
                "sids": [answer.sid for _, answer in accepted],
                "segments": [answer.segments for _, answer in accepted],
            },
        )
        return {message_id for (message_id,) in cursor.fetchall()}


def _write_failure(claimed: Claim, error: TransportError) -> bool:
    what_next = _what_next(claimed, error)
    changes = {
        "reason": error.detail,
        "error_code": error.code,
        "trail": append_to_trail(claimed.outgoing.attempt, error.detail, error.code, then=what_next["status"]),
        **what_next,
    }
    is_recorded = close_attempt(_own_row(claimed), **changes)
    if isinstance(error, SenderBlocked):
        holds.place(error)
    elif isinstance(error, TextBlocked):
        holds.tell_of_blocked(claimed.outgoing.message_id, error)
    elif isinstance(error, OptedOut):
        opt_outs.record(claimed.outgoing.to, source=str(error.code))
    return is_recorded


claims: Batched[Owed, Claim | None] = Batched("claims", _claim_all)
records: Batched[Outcome, bool] = Batched("records", _record_all)


def close_attempt(row: QuerySet[Message], **changes: Any) -> bool:
    """Write what came of an attempt at a text, and say whether the row still was this attempt's.

    One that would wait to be sent again gives way to a newer text of its booking and kind, and an older one to it:
    only one can wait, and the newest says what is true.

    Args:
      row: the one row, if it is still in the state that the attempt left it in.
    """
    message = row.first() if changes.get("status") == Message.Status.PENDING else None
    if message is None:
        return bool(row.update(**changes))
    gives_way = {"status": Message.Status.SUPERSEDED, "reason": SUPERSEDED_BY_NEWER, "leased_until": None}
    waiting = _of_the_same_kind(message).filter(status=Message.Status.PENDING)
    try:
        with transaction.atomic():
            waiting.filter(pk__lt=message.pk).update(**gives_way)
            return bool(row.update(**changes | (gives_way if has_newer(message) else {})))
    except IntegrityError:  # the newer text was planned between these two lines
        return bool(row.update(**changes | gives_way))


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
