from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from twilio.request_validator import RequestValidator

from twilio_emulator.client import EmulatorClient
from twilio_emulator.settings import LOCAL_ACCOUNT_SID, LOCAL_AUTH_TOKEN

from .conftest import PHONE, SENDER, Receiver, wait_until

Send = Callable[..., Any]


def test_each_step_is_called_back_signed(send: Send, receiver: Receiver) -> None:
    url = f"{receiver.url}/sms/status/?message=a%20b&x=1"
    message = send(status_callback=url)
    sent, delivered = receiver.wait_for(2)
    assert sent.form == {
        "AccountSid": LOCAL_ACCOUNT_SID,
        "ApiVersion": "2010-04-01",
        "From": SENDER,
        "MessageSid": message.sid,
        "MessageStatus": "sent",
        "SmsSid": message.sid,
        "SmsStatus": "sent",
        "To": PHONE,
    }
    assert delivered.form == {**sent.form, "MessageStatus": "delivered", "SmsStatus": "delivered"}
    for call in (sent, delivered):
        assert receiver.url + call.path == url
        signature = call.headers["X-Twilio-Signature"]
        assert RequestValidator(LOCAL_AUTH_TOKEN).validate(url, call.form, signature)
        assert not RequestValidator("another token").validate(url, call.form, signature)


def test_never_calls_nobody(send: Send, emulator: EmulatorClient, receiver: Receiver) -> None:
    emulator.callbacks("never")
    send(status_callback=f"{receiver.url}/status")
    wait_until(lambda: emulator.messages()[0]["status"] == "delivered")
    time.sleep(0.1)
    assert receiver.calls == []


def test_late_calls_come_that_much_later(send: Send, emulator: EmulatorClient, receiver: Receiver) -> None:
    emulator.callbacks("late", seconds=0.4)
    started = time.monotonic()
    send(status_callback=f"{receiver.url}/status")
    calls = receiver.wait_for(2)
    assert calls[0].at - started >= 0.4
    assert receiver.statuses() == ["sent", "delivered"]


def test_doubled_calls_come_twice(send: Send, emulator: EmulatorClient, receiver: Receiver) -> None:
    emulator.callbacks("doubled")
    send(status_callback=f"{receiver.url}/status")
    receiver.wait_for(4)
    assert sorted(receiver.statuses()) == ["delivered", "delivered", "sent", "sent"]


def test_out_of_order_calls_end_with_sent(send: Send, emulator: EmulatorClient, receiver: Receiver) -> None:
    emulator.callbacks("out_of_order")
    send(status_callback=f"{receiver.url}/status")
    receiver.wait_for(2)
    assert receiver.statuses() == ["delivered", "sent"]


def test_a_reset_stops_late_calls(send: Send, emulator: EmulatorClient, receiver: Receiver) -> None:
    emulator.callbacks("late", seconds=0.3)
    send(status_callback=f"{receiver.url}/status")
    time.sleep(0.15)
    emulator.reset()
    time.sleep(0.5)
    assert receiver.calls == []
