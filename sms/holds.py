"""Stopping a sender that Twilio refuses to serve, instead of burning every text on it."""

from __future__ import annotations

from datetime import timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from sms.clock import database_now
from sms.errors import SenderBlocked
from sms.models import Message, SenderHold

log = structlog.get_logger(__name__)

PROBE_INTERVAL = timedelta(seconds=15)


def current() -> SenderHold | None:
    """The hold on our sender, if there is one."""
    return SenderHold.objects.filter(sender=settings.TWILIO_PHONE_NUMBER).first()


def place(error: SenderBlocked) -> None:
    """Stop the sender and raise one alert, however many texts run into the same refusal."""
    now = database_now()
    _, created = SenderHold.objects.update_or_create(
        sender=settings.TWILIO_PHONE_NUMBER,
        defaults={"error_code": error.code, "detail": error.detail, "probe_at": now + PROBE_INTERVAL},
        create_defaults={
            "error_code": error.code,
            "detail": error.detail,
            "since": now,
            "probe_at": now + PROBE_INTERVAL,
        },
    )
    if created:
        log.error(
            "sender_stopped",
            error_code=error.code,
            detail=error.detail,
            what_to_do="put the account or sender right at Twilio; texts wait and go out by themselves then",
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
