from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
import requests
from twilio.rest import Client

from twilio_emulator.client import EmulatorClient

from .conftest import PHONE, SENDER, wait_until

Send = Callable[..., Any]


@pytest.mark.parametrize(
    ("path", "body", "hint"),
    [
        ("faults", '{"kind": "nonsense"}', "accept_then_drop"),
        ("faults", '{"kind": "500", "path": "nowhere"}', "create, list, fetch, all"),
        ("faults", '{"kind": "500", "count": 0}', "whole number"),
        ("faults", '{"kind": "500", "probability": 2}', "from 0 to 1"),
        ("faults", '{"kind": "500", "count": 1, "probability": 0.5}', "not both"),
        ("faults", '{"kind": "500", "times": 1}', "accepted: kind, count"),
        ("faults", '{"kind": "no_sid", "path": "list"}', "creates only"),
        ("faults", '{"kind": "error"}', '"code"'),
        ("faults", '{"kind": "error", "code": 1, "status": 200}', "400 to 599"),
        ("faults", "not json", "JSON object"),
        ("faults", "[]", "JSON object"),
        ("callbacks", '{"mode": "sometimes"}', "out_of_order"),
        ("list_lag", "{}", "seconds"),
        ("latency", '{"ms": -1}', "ms"),
        ("listen", '{"open": true}', '"open": false'),
        ("delivery", '{"sent_ms": 5, "delivered_ms": 1}', "smaller"),
    ],
)
def test_bad_control_input_says_what_is_accepted(emulator: EmulatorClient, path: str, body: str, hint: str) -> None:
    answer = requests.post(f"{emulator.base_url}/_control/{path}", data=body, timeout=5)
    assert answer.status_code == 400
    assert hint in answer.json()["error"]
    assert emulator.faults()["armed"] == []


def test_an_unknown_control_lists_those_there_are(emulator: EmulatorClient) -> None:
    answer = requests.get(f"{emulator.base_url}/_control/nothing", timeout=5)
    assert answer.status_code == 404
    assert "POST /_control/reset" in answer.json()["error"]


def test_accepted_texts_are_listed_oldest_first(send: Send, emulator: EmulatorClient) -> None:
    before = time.time() * 1000
    first = send("first", validity_period=60, status_callback="http://127.0.0.1:9/")
    second = send("second")
    send("other", to="+447400123457")
    found = emulator.messages(PHONE)
    assert [m["sid"] for m in found] == [first.sid, second.sid]
    assert before - 1 <= found[0]["accepted_at_ms"] <= found[1]["accepted_at_ms"]
    assert emulator.messages(since_ms=found[1]["accepted_at_ms"])[0]["sid"] == second.sid
    facts = {k: found[0][k] for k in ("to", "from", "body", "segments", "direction")}
    assert facts == {"to": PHONE, "from": SENDER, "body": "first", "segments": 1, "direction": "outbound-api"}
    assert (found[0]["validity_period"], found[0]["status_callback"]) == (60, "http://127.0.0.1:9/")


def test_waiting_for_texts_gives_up(emulator: EmulatorClient) -> None:
    with pytest.raises(TimeoutError, match="0 of 1"):
        emulator.wait_for_messages(1, timeout_seconds=0.1)


def test_the_list_lags_but_a_fetch_does_not(send: Send, emulator: EmulatorClient, twilio: Client) -> None:
    emulator.list_lag(0.4)
    message = send()
    assert twilio.messages.list(to=PHONE, limit=5) == []
    assert twilio.messages(message.sid).fetch().sid == message.sid
    wait_until(lambda: len(twilio.messages.list(to=PHONE, limit=5)) == 1)


def test_latency_delays_the_answer(send: Send, emulator: EmulatorClient) -> None:
    emulator.latency(200)
    started = time.monotonic()
    send()
    assert time.monotonic() - started >= 0.2


def test_a_closed_port_refuses_and_opens_again(send: Send, emulator: EmulatorClient) -> None:
    send()
    emulator.listen(0.6)
    with pytest.raises(requests.ConnectionError, match="refused"):
        emulator.stats()
    with pytest.raises(requests.ConnectionError):
        send()
    time.sleep(0.7)
    assert len(emulator.messages()) == 1
    send()


def test_a_closed_port_can_be_closed_again(emulator: EmulatorClient) -> None:
    for _ in range(2):
        emulator.listen(0.1)
        time.sleep(0.3)
        assert emulator.stats()["accepted"] == 0


def test_reset_forgets_everything(send: Send, emulator: EmulatorClient) -> None:
    send()
    emulator.reply(PHONE, "STOP")
    emulator.fault("500", count=5)
    emulator.callbacks("doubled")
    emulator.latency(10)
    emulator.list_lag(10)
    emulator.reset()
    assert emulator.messages(direction="all") == []
    assert emulator.faults() == {
        "armed": [],
        "fired": {},
        "callbacks": {"mode": "normal", "seconds": 0.0},
        "list_lag": {"seconds": 0.0},
        "latency": {"ms": 0},
        "delivery": {"sent_ms": 20, "delivered_ms": 80},
    }
    assert emulator.stats()["creates"] == 0
    assert send().status == "queued"
