from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.request_validator import RequestValidator

from twilio_emulator.client import EmulatorClient, running_emulator
from twilio_emulator.replies import opt_out_type, texts_in_twiml
from twilio_emulator.settings import LOCAL_ACCOUNT_SID, LOCAL_AUTH_TOKEN

from .conftest import PHONE, SENDER, Receiver

Send = Callable[..., Any]


def test_a_reply_is_a_signed_inbound_webhook(send: Send, emulator: EmulatorClient, receiver: Receiver) -> None:
    send()
    outcome = emulator.reply(PHONE, "See you then")
    url = f"{receiver.url}/sms/inbound/"
    (call,) = receiver.calls
    assert call.form == {
        "AccountSid": LOCAL_ACCOUNT_SID,
        "ApiVersion": "2010-04-01",
        "Body": "See you then",
        "From": PHONE,
        "FromCity": "",
        "FromCountry": "GB",
        "FromState": "",
        "FromZip": "",
        "MessageSid": outcome["sid"],
        "NumMedia": "0",
        "NumSegments": "1",
        "SmsMessageSid": outcome["sid"],
        "SmsSid": outcome["sid"],
        "SmsStatus": "received",
        "To": SENDER,
        "ToCity": "",
        "ToCountry": "US",
        "ToState": "",
        "ToZip": "",
    }
    assert RequestValidator(LOCAL_AUTH_TOKEN).validate(url, call.form, call.headers["X-Twilio-Signature"])
    assert outcome["webhook"] == {"url": url, "status": 204, "error": None, "attempts": 1, "ok": True}
    assert [m["body"] for m in emulator.messages(direction="inbound")] == ["See you then"]
    assert len(emulator.messages()) == 1


def test_a_reply_goes_to_the_number_it_names(emulator: EmulatorClient, receiver: Receiver) -> None:
    emulator.reply(PHONE, "Hello", to="+447700900001")
    assert receiver.calls[0].form["To"] == "+447700900001"


def test_twiml_answers_reach_the_phone(emulator: EmulatorClient, receiver: Receiver) -> None:
    receiver.status = 200
    receiver.body = b"<Response><Message>Booked</Message><Message><Body>Bye</Body></Message></Response>"
    assert emulator.reply(PHONE, "C")["answers"] == ["Booked", "Bye"]
    answers = emulator.messages(PHONE, direction="outbound-reply")
    assert [(m["body"], m["from"], m["status"]) for m in answers] == [
        ("Booked", SENDER, "delivered"),
        ("Bye", SENDER, "delivered"),
    ]


@pytest.mark.parametrize("document", ["", "ok", "<Response/>", "<Other><Message>x</Message></Other>"])
def test_anything_but_twiml_texts_nobody(document: str) -> None:
    assert texts_in_twiml(document) == []


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        *[(w, "STOP") for w in ["STOP", "stopall", "Unsubscribe", "END", "quit", "CANCEL", "revoke", "OPTOUT"]],
        *[(word, "START") for word in ("START", "yes", "Unstop")],
        ("HELP", "HELP"),
        (" stop \n", "STOP"),
        ("please stop", None),
        ("C", None),
    ],
)
def test_only_a_whole_text_is_an_opt_out_word(body: str, kind: str | None) -> None:
    assert opt_out_type(body) == kind


def test_stop_blocks_this_sender_until_start(send: Send, emulator: EmulatorClient, receiver: Receiver) -> None:
    send()
    stopped = emulator.reply(PHONE, "Stop")
    assert (stopped["opt_out_type"], stopped["opted_out"]) == ("STOP", True)
    assert "unsubscribed" in stopped["automatic_answer"]
    assert receiver.calls[0].form["OptOutType"] == "STOP"
    with pytest.raises(TwilioRestException) as blocked:
        send()
    assert (blocked.value.status, blocked.value.code) == (400, 21610)
    send(from_="+447700900001")
    send(to="+447400123457")

    assert emulator.reply(PHONE, "STOP", to=SENDER)["automatic_answer"] is None
    assert emulator.reply(PHONE, "START", to=SENDER)["opted_out"] is False
    assert send().status == "queued"


def test_a_phone_that_opted_out_gets_no_twiml_answer(emulator: EmulatorClient, receiver: Receiver) -> None:
    receiver.status, receiver.body = 200, b"<Response><Message>Bye</Message></Response>"
    assert emulator.reply(PHONE, "STOP")["answers"] == []
    assert len(emulator.messages(PHONE, direction="outbound-reply")) == 1


def test_a_failing_webhook_is_told_to_the_person(emulator: EmulatorClient, receiver: Receiver) -> None:
    receiver.status = 403
    webhook = emulator.reply(PHONE, "Hello")["webhook"]
    assert (webhook["status"], webhook["ok"]) == (403, False)


def test_a_webhook_that_nobody_serves_is_told_to_the_person() -> None:
    with running_emulator("--inbound-url", "http://127.0.0.1:9/sms/inbound/") as emulator:
        webhook = emulator.reply(PHONE, "Hello")["webhook"]
    assert webhook == {
        "url": "http://127.0.0.1:9/sms/inbound/",
        "status": None,
        "error": "no connection: connection refused, nothing listens there",
        "attempts": 2,
        "ok": False,
    }
