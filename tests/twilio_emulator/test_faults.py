from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
import requests
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from twilio_emulator.client import EmulatorClient

from .conftest import PHONE, Receiver, real_client, wait_until

Send = Callable[..., Any]


def test_refuse_resets_the_connection_and_accepts_nothing(send: Send, emulator: EmulatorClient) -> None:
    emulator.fault("refuse")
    with pytest.raises(requests.ConnectionError):
        send()
    assert emulator.messages() == []
    assert send().status == "queued"


def test_429_says_when_to_come_back(send: Send, emulator: EmulatorClient, twilio: Client) -> None:
    emulator.fault("429", count=2, seconds=7)
    with pytest.raises(TwilioRestException) as refused:
        send()
    assert (refused.value.status, refused.value.code) == (429, 20429)
    answer = requests.post(
        f"{emulator.base_url}/2010-04-01/Accounts/{twilio.account_sid}/Messages.json",
        auth=(str(twilio.username), str(twilio.password)),
        timeout=5,
    )
    assert answer.headers["Retry-After"] == "7"
    assert emulator.messages() == []


@pytest.mark.parametrize(
    ("kind", "status", "code"), [("500", 500, 20500), ("503_html", 503, 503), ("error", 400, 21408)]
)
def test_an_error_answer_accepts_nothing(
    send: Send, emulator: EmulatorClient, kind: str, status: int, code: int
) -> None:
    emulator.fault(kind, **({"code": 21408} if kind == "error" else {}))
    with pytest.raises(TwilioRestException) as refused:
        send()
    assert (refused.value.status, refused.value.code) == (status, code)
    assert emulator.messages() == []


def test_an_error_can_have_any_code_and_status(send: Send, emulator: EmulatorClient) -> None:
    emulator.fault("error", code=63038, status=429)
    with pytest.raises(TwilioRestException) as refused:
        send()
    assert (refused.value.status, refused.value.code) == (429, 63038)


def test_hang_never_accepts_even_after_the_client_gave_up(emulator: EmulatorClient) -> None:
    emulator.fault("hang", seconds=0.4)
    with pytest.raises(requests.Timeout):
        real_client(emulator, timeout_seconds=0.1).messages.create(to=PHONE, from_="+15005550006", body="x")
    time.sleep(0.5)
    assert emulator.messages() == []


def test_hang_ends_in_a_dropped_connection(send: Send, emulator: EmulatorClient) -> None:
    emulator.fault("hang", seconds=0.1)
    with pytest.raises(requests.ConnectionError):
        send()
    assert emulator.messages() == []


def test_hang_after_accept_keeps_the_text_that_the_client_gave_up_on(emulator: EmulatorClient) -> None:
    emulator.fault("hang_after_accept", seconds=5)
    with pytest.raises(requests.Timeout):
        real_client(emulator, timeout_seconds=0.2).messages.create(to=PHONE, from_="+15005550006", body="x")
    wait_until(lambda: [m["status"] for m in emulator.messages()] == ["delivered"])


def test_hang_after_accept_answers_a_patient_client(send: Send, emulator: EmulatorClient) -> None:
    emulator.fault("hang_after_accept", seconds=0.2)
    started = time.monotonic()
    assert send().sid == emulator.messages()[0]["sid"]
    assert time.monotonic() - started >= 0.2


def test_accept_then_drop_keeps_the_text_without_an_answer(
    send: Send, emulator: EmulatorClient, receiver: Receiver
) -> None:
    emulator.fault("accept_then_drop")
    with pytest.raises(requests.ConnectionError):
        send(status_callback=f"{receiver.url}/status")
    receiver.wait_for(2)
    assert receiver.statuses() == ["sent", "delivered"]
    assert len(emulator.messages()) == 1


def test_no_sid_answers_201_without_one(send: Send, emulator: EmulatorClient) -> None:
    emulator.fault("no_sid")
    assert send().sid is None
    assert len(emulator.messages()) == 1


def test_callback_before_response_calls_back_first(send: Send, emulator: EmulatorClient, receiver: Receiver) -> None:
    emulator.fault("callback_before_response")
    message = send(status_callback=f"{receiver.url}/status")
    assert receiver.statuses() == ["sent", "delivered"]
    assert {call.form["MessageSid"] for call in receiver.calls} == {message.sid}


@pytest.mark.parametrize(("code", "steps"), [(30003, ["sent", "undelivered"]), (30001, ["failed"])])
def test_fail_after_accept_ends_badly_with_the_code(
    send: Send, emulator: EmulatorClient, receiver: Receiver, twilio: Client, code: int, steps: list[str]
) -> None:
    emulator.fault("fail_after_accept", code=code, to=PHONE)
    send(to="+447400123457")
    message = send(status_callback=f"{receiver.url}/status")
    calls = receiver.wait_for(len(steps))
    assert receiver.statuses() == steps
    assert calls[-1].form["ErrorCode"] == str(code)
    found = twilio.messages(message.sid).fetch()
    assert (found.status, found.error_code) == (steps[-1], code)
    assert emulator.faults()["fired"] == {"fail_after_accept": 1}


def test_a_text_that_waits_longer_than_its_validity_fails_with_30036(
    send: Send, emulator: EmulatorClient, twilio: Client
) -> None:
    emulator.delivery(60_000, 60_000)
    message = send(validity_period=1)
    wait_until(lambda: twilio.messages(message.sid).fetch().error_code == 30036)
    assert twilio.messages(message.sid).fetch().status == "failed"


def test_a_count_runs_out_and_is_reported(send: Send, emulator: EmulatorClient) -> None:
    emulator.fault("500", count=2)
    for _ in range(2):
        with pytest.raises(TwilioRestException):
            send()
    send()
    assert emulator.faults()["armed"] == []
    assert emulator.faults()["fired"] == {"500": 2}
    assert emulator.stats()["faults"] == {"500": 2}


def test_a_probability_stays_until_it_is_cleared(send: Send, emulator: EmulatorClient) -> None:
    emulator.fault("500", probability=1.0)
    for _ in range(3):
        with pytest.raises(TwilioRestException):
            send()
    assert emulator.faults()["armed"][0]["fired"] == 3
    emulator.clear_faults()
    send()
    assert len(emulator.messages()) == 1


def test_half_of_the_requests_fail_at_a_probability_of_a_half(send: Send, emulator: EmulatorClient) -> None:
    emulator.fault("no_sid", probability=0.5)
    nameless = sum(send().sid is None for _ in range(100))
    assert 20 < nameless < 80


@pytest.mark.parametrize("path", ["list", "fetch", "all"])
def test_a_fault_strikes_only_where_it_is_told(send: Send, emulator: EmulatorClient, twilio: Client, path: str) -> None:
    sid = send().sid
    emulator.fault("500", probability=1.0, path=path)

    def fails(call: Callable[[], object]) -> bool:
        try:
            call()
        except Exception:
            return True
        return False

    struck = {
        "create": fails(send),
        "list": fails(lambda: twilio.messages.list(limit=1)),
        "fetch": fails(twilio.messages(sid).fetch),
    }
    assert struck == {name: path in (name, "all") for name in struck}
