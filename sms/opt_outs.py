"""Who does not want our texts. Twilio blocks them as well; knowing it ourselves, we do not even try."""

from __future__ import annotations

from collections.abc import Iterable

import structlog
from django.conf import settings

from sms.clock import database_now
from sms.models import OptOut

log = structlog.get_logger(__name__)

# https://www.twilio.com/docs/messaging/tutorials/advanced-opt-out, and Twilio's help page on STOP, START and HELP
STOP_WORDS = frozenset({"STOP", "STOPALL", "UNSUBSCRIBE", "END", "QUIT", "CANCEL", "REVOKE", "OPTOUT"})
START_WORDS = frozenset({"START", "YES", "UNSTOP"})
HELP_WORDS = frozenset({"HELP", "INFO"})

REASON = "opted out"
CARRIED_OVER = "said so on another phone"


def is_opted_out(phone_number: str) -> bool:
    """Has this phone (E.164) told our sender to stop?"""
    return OptOut.objects.filter(phone_number=phone_number, sender=settings.TWILIO_PHONE_NUMBER).exists()


def among(phone_numbers: Iterable[str]) -> set[str]:
    """Those of these phones (E.164) that have told our sender to stop."""
    stopped = OptOut.objects.filter(phone_number__in=phone_numbers, sender=settings.TWILIO_PHONE_NUMBER)
    return set(stopped.values_list("phone_number", flat=True))


def record(phone_number: str, source: str, sender: str | None = None) -> None:
    """Note an opt-out; a second one changes nothing."""
    _, created = OptOut.objects.get_or_create(
        phone_number=phone_number,
        sender=sender or settings.TWILIO_PHONE_NUMBER,
        defaults={"since": database_now(), "source": source},
    )
    if created:
        log.info("opted_out", source=source)


def carry_over(phone_numbers: Iterable[str], *, to: str) -> None:
    """Note for one phone of a person what they have said on the others: who told us STOP is not reached by another way.

    A START from that phone ends it, as ever.
    """
    said = OptOut.objects.filter(phone_number__in=phone_numbers).exclude(phone_number=to)
    for opt_out in said.order_by("since"):
        record(to, source=CARRIED_OVER, sender=opt_out.sender)


def lift(phone_number: str, sender: str) -> None:
    """Note that a phone wants our texts again."""
    OptOut.objects.filter(phone_number=phone_number, sender=sender).delete()
