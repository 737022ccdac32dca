"""Texts that customers send us: kept, put beside their booking, and obeyed where they say STOP or START."""

from __future__ import annotations

from dataclasses import dataclass

import structlog
from django.db import transaction

from sms import opt_outs
from sms.clock import database_now
from sms.models import InboundMessage, Message

log = structlog.get_logger(__name__)

HELP_ANSWER = "You get texts about your appointments. Reply STOP to end them, START to get them again."


@dataclass(frozen=True)
class Incoming:
    """A text received: ``phone_number`` (E.164) wrote ``body`` to our ``sender``."""

    sid: str
    phone_number: str
    sender: str
    body: str
    # Twilio answers STOP, START and HELP itself where it handles opt-outs; it then says so.
    is_answered_by_twilio: bool


@transaction.atomic
def receive(incoming: Incoming) -> str:
    """Keep a text and do what it asks. Returns our answer, mostly none; a repeated delivery gets none."""
    message, is_new = InboundMessage.objects.get_or_create(
        sid=incoming.sid,
        defaults={
            "sender": incoming.sender,
            "phone_number": incoming.phone_number,
            "body": incoming.body,
            "received_at": database_now(),
            "in_reply_to": _most_likely_answered(incoming.phone_number),
        },
    )
    if not is_new:
        return ""
    log.info("text_received", inbound_id=message.pk, in_reply_to=message.in_reply_to_id)
    word = incoming.body.strip().upper()
    if word in opt_outs.STOP_WORDS:
        opt_outs.record(incoming.phone_number, source=word, sender=incoming.sender)
    elif word in opt_outs.START_WORDS:
        opt_outs.lift(incoming.phone_number, incoming.sender)
    elif word in opt_outs.HELP_WORDS and not incoming.is_answered_by_twilio:
        return HELP_ANSWER
    return ""


def _most_likely_answered(phone_number: str) -> Message | None:
    """People answer the text they got last."""
    sent = Message.objects.filter(to=phone_number, sent_at__isnull=False)
    return sent.order_by("-sent_at").first()
