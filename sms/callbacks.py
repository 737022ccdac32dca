"""What Twilio reports of a text after it was handed over, in whatever order and however often it does.

Our message id and attempt stand in the callback's URL, so a report also proves that Twilio took a text whose
answer never reached us.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Coalesce, Now

from sms import holds, metrics, opt_outs
from sms.clock import database_now
from sms.delivery import append_to_trail, close_attempt, has_newer, patience_seconds
from sms.errors import SenderBlocked, TextBlocked
from sms.models import Message
from sms.transport import OPTED_OUT_CODE, SENDER_BLOCKED_CODES, TEXT_BLOCKED_CODES

log = structlog.get_logger(__name__)

Status = Message.Status

# Of a report; every other one says that the text is on its way.
DELIVERED = frozenset({"delivered", "read"})
NOT_DELIVERED = frozenset({"failed", "undelivered", "canceled"})

# Reasons a carrier gives for failures that may pass (https://www.twilio.com/docs/api/errors).
WORTH_ANOTHER_ATTEMPT = frozenset({30001, 30003, 30008, 30500})
FAILED_AFTERWARDS = "accepted, then not delivered"


@dataclass(frozen=True)
class Report:
    """A status callback. ``message_id`` and ``attempt`` are ours, from its URL; None where it bears none."""

    sid: str
    status: str
    error_code: int | None
    message_id: int | None
    attempt: int | None


def record(report: Report) -> None:
    """Bring the ledger up to date; a report that is late, repeated or of no text of ours changes nothing."""
    if not _settle_at_once(report):
        _look_into(report)


def _settle_at_once(report: Report) -> bool:
    """In one statement, what nearly all reports are: on its way, or delivered, of a text whose sid we have.

    Returns: whether nothing is left to look into.
    """
    if report.status in DELIVERED:
        return _note_delivered(report.sid)
    return report.status not in NOT_DELIVERED and Message.objects.filter(sid=report.sid).exclude(sid="").exists()


_NOTE_DELIVERED = """
    UPDATE sms_message
       SET status = 'delivered', reason = '', delivered_at = coalesce(delivered_at, statement_timestamp())
     WHERE sid = %s AND sid <> '' AND status <> 'delivered'
    RETURNING id, booking_id, kind
"""


def _note_delivered(sid: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(_NOTE_DELIVERED, [sid])
        noted = cursor.fetchall()
    for message_id, booking_id, kind in noted:
        _tell(message_id, booking_id, kind, Status.DELIVERED)
    return bool(noted)


def _look_into(report: Report) -> None:
    with transaction.atomic():
        message = _find(report)
        if message is None:
            log.warning("callback_for_unknown_text", sid=report.sid, status=report.status)
            return
        if not _adopt(message, report) or message.status == Status.DELIVERED:
            return
        if report.status in DELIVERED:
            _note_delivered(report.sid)
        elif report.status in NOT_DELIVERED and message.status == Status.SENT:
            _record_failure(message, report)


def _find(report: Report) -> Message | None:
    rows = Message.objects.select_for_update()
    message = rows.filter(sid=report.sid).first()
    if message is None and report.message_id is not None:
        message = rows.filter(pk=report.message_id).first()
    return message


def _adopt(message: Message, report: Report) -> bool:
    """Make sure that the row bears the report's sid. False: the report is about an attempt already settled."""
    if message.sid == report.sid:
        return True
    if message.sid or any(report.sid in entry["outcome"] for entry in message.trail):
        if message.sid and report.sid not in str(message.trail):
            log.error("text_sent_twice", message_id=message.pk, sid=message.sid, other_sid=report.sid)
            _update(message, trail=append_to_trail(report.attempt or 0, f"was accepted as well: {report.sid}"))
        return False
    _update(
        message,
        sid=report.sid,
        status=Status.SENT,
        reason="acceptance proven by callback",
        leased_until=None,
        sent_at=Coalesce(F("attempted_at"), Now()),
    )
    return True


def _record_failure(message: Message, report: Report) -> None:
    outcome = f"{FAILED_AFTERWARDS} ({report.status}), {message.sid}"
    changes: dict[str, Any] = {
        "error_code": report.error_code,
        "trail": append_to_trail(message.attempts, outcome, report.error_code),
    }
    if report.error_code == OPTED_OUT_CODE:
        opt_outs.record(message.to, source=str(OPTED_OUT_CODE))
        _update(message, status=Status.SKIPPED, reason=opt_outs.REASON, **changes)
        return
    if report.error_code in SENDER_BLOCKED_CODES:
        holds.place(SenderBlocked(f"the carrier refused our sender ({report.error_code})", report.error_code))
    if _may_try_again(message, report.error_code):
        # Twilio takes what the carrier then refuses: every attempt costs, and says nothing for the sender's recovery.
        wait = patience_seconds(message.attempts) if _needs_a_person(report.error_code) else 0.0
        again = {"sid": "", "next_attempt_at": Now() + timedelta(seconds=wait), "leased_until": None}
        _update(message, status=Status.PENDING, reason=f"{FAILED_AFTERWARDS}: trying again", **again, **changes)
    else:
        _update(message, status=Status.FAILED, reason=FAILED_AFTERWARDS, **changes)
    if report.error_code in TEXT_BLOCKED_CODES:
        holds.tell_of_blocked(message.pk, TextBlocked("the carrier refused the text", report.error_code))


def _needs_a_person(error_code: int | None) -> bool:
    return error_code in SENDER_BLOCKED_CODES or error_code in TEXT_BLOCKED_CODES


def _may_try_again(message: Message, error_code: int | None) -> bool:
    """A passing fault is worth one more attempt, what needs a person as many as it takes; if it still helps."""
    if database_now() >= message.expires_at or has_newer(message):
        return False
    if _needs_a_person(error_code):
        return True
    is_first = not any(entry["outcome"].startswith(FAILED_AFTERWARDS) for entry in message.trail)
    return error_code in WORTH_ANOTHER_ATTEMPT and is_first


def _update(message: Message, **changes: Any) -> None:
    close_attempt(Message.objects.filter(pk=message.pk), **changes)
    message.refresh_from_db()
    _tell(message.pk, message.booking_id, message.kind, message.status)


def _tell(message_id: int, booking_id: int, kind: str, status: str) -> None:
    metrics.ENDED.labels(kind, status).inc()
    log.info("text_reported", message_id=message_id, booking_id=booking_id, status=status)
