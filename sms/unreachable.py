"""Phones that texts do not reach: Twilio, or the carrier, has said so of the last one."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models.functions import Coalesce

from sms.models import Message

# Of the number, and for good: https://www.twilio.com/docs/api/errors. 21610 is an opt-out, and not among them.
ABOUT_THE_NUMBER = {
    21211: "it is no phone number",
    21265: "it is a short code",
    21614: "it is no mobile number",
    30005: "it does not exist, or is switched off",
    30006: "it is a landline, or its carrier takes no texts",
}

_TRIED = (Message.Status.SENT, Message.Status.DELIVERED, Message.Status.FAILED)


def among(phone_numbers: Iterable[str]) -> dict[str, str]:
    """Those of these phones (E.164) that the last text sent did not reach, with the reason. A text that gets through,
    or another number, ends it."""
    last = (
        Message.objects.filter(to__in=phone_numbers, status__in=_TRIED)
        .order_by("to", Coalesce("sent_at", "attempted_at").desc(), "-id")
        .distinct("to")
        .values_list("to", "status", "error_code")
    )
    return {
        to: ABOUT_THE_NUMBER[code]
        for to, status, code in last
        if status == Message.Status.FAILED and code in ABOUT_THE_NUMBER
    }
