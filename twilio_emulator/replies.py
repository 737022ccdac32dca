"""A person answers from a phone: opt-out words, the inbound webhook, and the TwiML that comes back.

Inbound fields: https://www.twilio.com/docs/messaging/guides/webhook-request. Opt-out words and their answers:
https://help.twilio.com/articles/223134027 and https://www.twilio.com/docs/messaging/tutorials/advanced-opt-out.
"""

from __future__ import annotations

from xml.etree import ElementTree

from .delivery import Delivery
from .messages import API_VERSION, Message, Store
from .segments import count_segments
from .settings import Settings
from .webhooks import Outcome, Webhooks

STOP_WORDS = frozenset({"STOP", "STOPALL", "UNSUBSCRIBE", "END", "QUIT", "CANCEL", "REVOKE", "OPTOUT"})
START_WORDS = frozenset({"START", "YES", "UNSTOP"})
HELP_WORDS = frozenset({"HELP", "INFO"})

STOP_ANSWER = (
    "You have successfully been unsubscribed. You will not receive any more messages from this number. "
    "Reply START to resubscribe."
)
START_ANSWER = (
    "You have successfully been re-subscribed to messages from this number. Reply HELP for help. "
    "Reply STOP to unsubscribe. Msg&Data Rates May Apply."
)
HELP_ANSWER = "Reply STOP to unsubscribe. Msg&Data Rates May Apply."

COUNTRIES = {
    "+1": "US",
    "+31": "NL",
    "+33": "FR",
    "+34": "ES",
    "+353": "IE",
    "+39": "IT",
    "+44": "GB",
    "+49": "DE",
}


def opt_out_type(body: str) -> str | None:
    """STOP, START or HELP where the whole text is one of those words, else None."""
    word = body.strip().upper()
    for kind, words in (("STOP", STOP_WORDS), ("START", START_WORDS), ("HELP", HELP_WORDS)):
        if word in words:
            return kind
    return None


def texts_in_twiml(document: str) -> list[str]:
    """The texts of `<Response><Message>…`; none for an empty answer or anything that is not TwiML."""
    try:
        root = ElementTree.fromstring(document.strip().encode())  # noqa: S314  (our own webhook's answer)
    except ElementTree.ParseError:
        return []
    if root.tag != "Response":
        return []
    bodies = (_text_of(message) for message in root.iter("Message"))
    return [body for body in bodies if body]


def _text_of(message: ElementTree.Element) -> str:
    body = message.find("Body")
    return "".join((message if body is None else body).itertext()).strip()


class Replies:
    """Texts from phones to the business, and who has opted out of whose texts."""

    def __init__(self, store: Store, delivery: Delivery, webhooks: Webhooks, settings: Settings) -> None:
        self._store = store
        self._delivery = delivery
        self._webhooks = webhooks
        self._settings = settings
        self._opted_out: set[tuple[str, str]] = set()

    def clear(self) -> None:
        self._opted_out.clear()

    def is_opted_out(self, phone: str, business: str | None) -> bool:
        return (phone, business or self._settings.default_number) in self._opted_out

    def last_business(self, phone: str) -> str:
        """The number that `phone` last had to do with."""
        numbers = [m.business for m in self._store.phone(phone) if m.business]
        return numbers[-1] if numbers else self._settings.default_number

    async def receive(self, phone: str, business: str, body: str) -> dict[str, object]:
        """Take in a text from `phone`; returns what became of it, for the page and for scripts."""
        message = self._store.add(
            to=business,
            from_number=phone,
            body=body,
            status="received",
            direction="inbound",
            segments=count_segments(body),
        )
        kind = opt_out_type(body)
        automatic = self._answer_keyword(phone, business, kind)
        outcome = await self._webhooks.post(self._settings.inbound_url, self._fields(message, kind))
        answers = texts_in_twiml(outcome.body) if outcome.ok else []
        blocked = self.is_opted_out(phone, business)
        if not blocked:
            for text in answers:
                self._text_back(phone, business, text)
        return {
            "sid": message.sid,
            "webhook": _describe(outcome),
            "opt_out_type": kind,
            "opted_out": blocked,
            "automatic_answer": automatic,
            "answers": [] if blocked else answers,
        }

    def _answer_keyword(self, phone: str, business: str, kind: str | None) -> str | None:
        """Twilio's own handling of STOP, START and HELP; a repeated STOP gets no second answer."""
        pair, answer = (phone, business), None
        if kind == "STOP" and pair not in self._opted_out:
            self._opted_out.add(pair)
            answer = STOP_ANSWER
        elif kind == "START" and pair in self._opted_out:
            self._opted_out.remove(pair)
            answer = START_ANSWER
        elif kind == "HELP":
            answer = HELP_ANSWER
        if answer is not None:
            self._text_back(phone, business, answer)
        return answer

    def _text_back(self, phone: str, business: str, body: str) -> None:
        message = self._store.add(
            to=phone,
            from_number=business,
            body=body,
            status="queued",
            direction="outbound-reply",
            segments=count_segments(body),
        )
        self._delivery.deliver_locally(message)

    def _fields(self, message: Message, kind: str | None) -> dict[str, str]:
        fields = {
            "AccountSid": self._settings.account_sid,
            "ApiVersion": API_VERSION,
            "Body": message.body,
            "From": message.from_number or "",
            "MessageSid": message.sid,
            "NumMedia": "0",
            "NumSegments": str(message.segments),
            "SmsMessageSid": message.sid,
            "SmsSid": message.sid,
            "SmsStatus": "received",
            "To": message.to,
        }
        for side in ("From", "To"):
            fields[f"{side}Country"] = _country(fields[side])
            fields.update({f"{side}{part}": "" for part in ("City", "State", "Zip")})
        if kind is not None:
            fields["OptOutType"] = kind
        return fields


def _country(number: str) -> str:
    return next((code for prefix, code in COUNTRIES.items() if number.startswith(prefix)), "")


def _describe(outcome: Outcome) -> dict[str, object]:
    return {
        "url": outcome.url,
        "status": outcome.status,
        "error": outcome.error,
        "attempts": outcome.attempts,
        "ok": outcome.ok,
    }
