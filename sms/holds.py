"""What needs a person: a sender that Twilio refuses to serve is stopped, instead of burning every text on it.

A text refused for its own destination or words stops nobody else's (docs/adr/0012).
"""

from __future__ import annotations

from datetime import timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Count, Q
from django.db.models.functions import Now

from sms.clock import database_now
from sms.errors import SenderBlocked, TextBlocked
from sms.models import Message, SenderHold
from sms.transport import TEXT_BLOCKED_CODES

log = structlog.get_logger(__name__)

PROBE_INTERVAL = timedelta(seconds=15)


def current() -> SenderHold | None:
    """The hold on our sender, if there is one."""
    return SenderHold.objects.filter(sender=settings.TWILIO_PHONE_NUMBER).first()


def place(error: SenderBlocked) -> None:
    """Stop the sender and raise one alert, however many texts run into the same refusal."""
    now = database_now()
    # No probe from here: were the refused one to try again, it alone would be the probe for ever.
    refusal = {"error_code": error.code, "detail": error.detail, "probe_at": now + PROBE_INTERVAL, "probe_id": None}
    _, created = SenderHold.objects.update_or_create(
        sender=settings.TWILIO_PHONE_NUMBER, defaults=refusal, create_defaults={**refusal, "since": now}
    )
    if created:
        log.error(
            "sender_stopped",
            error_code=error.code,
            detail=error.detail,
            what_to_do="put the account or sender right at Twilio; texts wait and go out by themselves then",
        )


def blocked_texts() -> dict[int, int]:
    """How many texts wait for a person while their sender works, by Twilio's error code."""
    waiting = Message.objects.filter(status=Message.Status.PENDING, error_code__in=TEXT_BLOCKED_CODES)
    counts = waiting.values("error_code").annotate(texts=Count("pk"))
    return {row["error_code"]: row["texts"] for row in counts if row["error_code"]}


def tell_of_blocked(message_id: int, error: TextBlocked) -> None:
    """Raise one alert, however many texts run into the same refusal, however often."""
    message = Message.objects.get(pk=message_id)
    is_known = [entry["code"] for entry in message.trail].count(error.code) > 1
    if not is_known and blocked_texts().get(error.code or 0, 0) <= 1:
        log.error(
            "text_needs_a_person",
            message_id=message_id,
            booking_id=message.booking_id,
            error_code=error.code,
            detail=error.detail,
            what_to_do=f"{TEXT_BLOCKED_CODES[error.code or 0]}; it goes out by itself then, others do now",
        )


def lift() -> None:
    """Let the sender's texts go out again."""
    deleted, _ = SenderHold.objects.filter(sender=settings.TWILIO_PHONE_NUMBER).delete()
    if deleted:
        log.warning("sender_works_again")


def choose_probe() -> None:
    """Let one waiting text through, where it is time to see whether the sender works again."""
    with transaction.atomic():
        hold = (
            SenderHold.objects.select_for_update(skip_locked=True)
            .filter(sender=settings.TWILIO_PHONE_NUMBER, probe_at__lte=Now())
            .first()
        )
        if hold is None:
            return
        probe = (
            Message.objects.filter(
                Q(leased_until=None) | Q(leased_until__lte=Now()),
                status=Message.Status.PENDING,
                due_at__lte=Now(),
                expires_at__gt=Now(),
            )
            .order_by("next_attempt_at")
            .first()
        )
        hold.probe_id = probe.pk if probe else None
        hold.probe_at = database_now() + PROBE_INTERVAL
        hold.save(update_fields=["probe_id", "probe_at"])
        if probe:
            Message.objects.filter(pk=probe.pk).update(next_attempt_at=Now(), leased_until=None)
