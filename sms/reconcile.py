"""Finding out what became of a text that Twilio may or may not have accepted.

Three witnesses, in this order: Twilio's status callback, which carries our message id (`sms.webhooks` adopts
the row at once); Twilio's message list, compared by phone number and body; and time. Only a text of which all three
show nothing is sent again, while it still helps (docs/adr/0003).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F
from django.db.models.functions import Coalesce, Now

from sms import metrics, transport
from sms.clock import database_now
from sms.delivery import append_to_trail, close_attempt
from sms.errors import TransportError
from sms.models import Message

log = structlog.get_logger(__name__)

LOOKUPS_AT_ONCE = 8
# Other chores of the dispatcher wait meanwhile, its sign of life among them; so does its end.
LONGEST_TURN_SECONDS = 2.0
LOOK_AGAIN = timedelta(seconds=3)
LONGEST_WAIT_SECONDS = 60.0
# By how much Twilio's clock may be behind the database's.
CLOCKS_APART = timedelta(seconds=30)
# After so many attempts with an unknown end it is given up: a wall against sending for ever.
MAX_UNKNOWN_ATTEMPTS = 8

WORKER_STOPPED = "the worker stopped while sending"


def release_expired_leases() -> int:
    """Texts whose worker died between claim and record: unknown from now on."""
    expired = Message.objects.filter(status=Message.Status.SENDING, leased_until__lte=Now()).update(
        status=Message.Status.UNKNOWN,
        reason=WORKER_STOPPED,
        leased_until=Now(),
        trail=append_to_trail(F("attempts"), WORKER_STOPPED, then=Message.Status.UNKNOWN),
    )
    if expired:
        metrics.LEASE_EXPIRIES.inc(expired)
        log.warning("claim_leases_expired", texts=expired)
    return expired


def trace_unknown() -> int:
    """Look for texts of unknown fate at Twilio and settle those that can be. Returns how many were looked for."""
    release_expired_leases()
    traced, give_way_at = 0, time.monotonic() + LONGEST_TURN_SECONDS
    with ThreadPoolExecutor(LOOKUPS_AT_ONCE) as pool:
        while time.monotonic() < give_way_at and (messages := _take_batch()):
            now = database_now()  # before they are looked up: the answer to an early look proves nothing later
            lookups = list(pool.map(_look_up, messages))
            for message, lookup in zip(messages, lookups, strict=True):
                _settle(message, lookup, now)
            traced += len(messages)
    return traced


def _take_batch() -> Sequence[Message]:
    with transaction.atomic():
        messages = list(
            Message.objects.select_for_update(skip_locked=True)
            .filter(status=Message.Status.UNKNOWN, leased_until__lte=Now())
            .order_by("leased_until")[:LOOKUPS_AT_ONCE]
        )
        lease = timedelta(seconds=3 * settings.SMS_HTTP_TIMEOUT_SECONDS)  # connecting, reading, and some
        Message.objects.filter(pk__in=[message.pk for message in messages]).update(leased_until=Now() + lease)
    return messages


def _look_up(message: Message) -> list[transport.Listed] | TransportError:
    try:
        earlier = str(message.trail)  # names the sids of attempts that failed on their way
        return [
            listed
            for listed in transport.sent_to(message.to, since=_attempted_at(message) - CLOCKS_APART)
            if listed.body == message.body and listed.sid not in earlier
        ]
    except TransportError as error:
        return error


def _settle(message: Message, lookup: list[transport.Listed] | TransportError, now: datetime) -> None:
    if isinstance(lookup, list):
        known = set(Message.objects.filter(sid__in=[x.sid for x in lookup]).values_list("sid", flat=True))
        for listed in sorted(lookup, key=lambda x: x.created_at):
            if listed.sid not in known and adopt(message.pk, message.attempts, listed.sid):
                return
    if _is_proof_of_absence(message, lookup, now):
        _send_again_or_give_up(message, now)
    elif now >= message.expires_at and not isinstance(lookup, list):
        _conclude(message, Message.Status.FAILED, "unknown whether it was sent; too late to ask or send again")
    else:
        _unknown_row(message.pk, message.attempts).update(leased_until=Now() + LOOK_AGAIN)


def adopt(message_id: int, attempt: int, sid: str) -> bool:
    """Twilio does have the text: note its sid. Returns False where the row was no longer in doubt."""
    try:
        with transaction.atomic():
            adopted = _unknown_row(message_id, attempt).update(
                status=Message.Status.SENT,
                sid=sid,
                reason="traced at Twilio",
                leased_until=None,
                sent_at=Coalesce(F("sent_at"), F("attempted_at"), Now()),
            )
    except IntegrityError:  # another row has adopted this sid meanwhile
        return False
    if adopted:
        log.info("text_traced", message_id=message_id, sid=sid)
    return bool(adopted)


def _is_proof_of_absence(message: Message, lookup: list[transport.Listed] | TransportError, now: datetime) -> bool:
    doublings = 2.0 ** min(_doubts(message) - 1, 10)
    wait = max(settings.SMS_RECONCILE_SECONDS, min(settings.SMS_RECONCILE_SECONDS * doublings, LONGEST_WAIT_SECONDS))
    return isinstance(lookup, list) and now >= _attempted_at(message) + timedelta(seconds=wait)


def _doubts(message: Message) -> int:
    """How many attempts had an unknown end; those that Twilio turned away are none."""
    return sum(entry.get("then") == Message.Status.UNKNOWN for entry in message.trail)


def _attempted_at(message: Message) -> datetime:
    return message.attempted_at or message.created_at


def _send_again_or_give_up(message: Message, now: datetime) -> None:
    if now >= message.expires_at:
        _conclude(message, Message.Status.FAILED, "no trace of it at Twilio; too late to send again")
    elif _doubts(message) >= MAX_UNKNOWN_ATTEMPTS:
        _conclude(message, Message.Status.FAILED, "no trace of it at Twilio after many attempts")
    else:
        _conclude(message, Message.Status.PENDING, "no trace of it at Twilio: sent again", next_attempt_at=Now())


def _conclude(message: Message, status: Message.Status, reason: str, **changes: Any) -> None:
    close_attempt(
        _unknown_row(message.pk, message.attempts), status=status, reason=reason, leased_until=None, **changes
    )
    log.warning("text_not_traced", message_id=message.pk, booking_id=message.booking_id, then=status)


def _unknown_row(message_id: int, attempt: int) -> Any:
    return Message.objects.filter(pk=message_id, attempts=attempt, status=Message.Status.UNKNOWN)
