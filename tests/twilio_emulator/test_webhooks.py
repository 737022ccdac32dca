from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from twilio.request_validator import RequestValidator

from twilio_emulator.client import EmulatorClient
from twilio_emulator.settings import LOCAL_AUTH_TOKEN
from twilio_emulator.webhooks import RetryPolicy, sign

from .conftest import Receiver, wait_until

Send = Callable[..., Any]


def test_the_signature_is_the_one_twilios_library_computes() -> None:
    url, form = "https://example.com/sms/?b=2", {"To": "+1", "Body": "é 💇", "A": ""}
    assert sign("token", url, form) == RequestValidator("token").compute_signature(url, form)


@pytest.mark.parametrize(
    ("fragment", "retries", "on"),
    [
        ("", 1, {"ct"}),
        ("rc=5&rp=all", 5, {"4xx", "5xx", "ct", "rt"}),
        ("rc=9", 5, {"ct"}),
        ("rc=0", 0, {"ct"}),
        ("rc=2&rp=5xx,rt", 2, {"5xx", "rt"}),
        ("rc=x&rp=nonsense", 1, set()),
    ],
)
def test_the_fragment_says_how_often_and_on_what_to_try_again(fragment: str, retries: int, on: set[str]) -> None:
    assert RetryPolicy.from_fragment(fragment) == RetryPolicy(retries, frozenset(on))


@pytest.mark.parametrize(
    ("status", "fragment", "calls"),
    [(500, "", 1), (500, "#rc=2&rp=5xx", 3), (404, "#rc=2&rp=5xx", 1), (404, "#rc=1&rp=all", 2)],
)
def test_a_failed_callback_is_retried_as_the_fragment_says(
    send: Send, emulator: EmulatorClient, receiver: Receiver, status: int, fragment: str, calls: int
) -> None:
    emulator.fault("fail_after_accept", code=30001)
    receiver.status = status
    send(status_callback=f"{receiver.url}/status{fragment}")
    wait_until(lambda: emulator.stats()["callbacks"]["failed"] == 1)
    assert len(receiver.calls) == calls
    assert {call.path for call in receiver.calls} == {"/status"}
    url, call = f"{receiver.url}/status", receiver.calls[-1]
    signature = call.headers["X-Twilio-Signature"]
    assert RequestValidator(LOCAL_AUTH_TOKEN).validate(url, call.form, signature)


def test_a_receiver_that_is_gone_costs_nothing_but_a_count(send: Send, emulator: EmulatorClient) -> None:
    emulator.fault("fail_after_accept", code=30001)
    send(status_callback="http://127.0.0.1:9/status")
    wait_until(lambda: emulator.stats()["callbacks"]["failed"] == 1)
    assert emulator.stats()["callbacks"] == {
        "attempts": 2,
        "delivered": 0,
        "failed": 1,
        "dropped": 0,
        "waiting": 0,
    }


def test_callbacks_that_nobody_answers_do_not_slow_creates(send: Send, emulator: EmulatorClient) -> None:
    for _ in range(50):
        send(status_callback="http://127.0.0.1:9/status#rc=5&rp=all")
    started = time.monotonic()
    send()
    assert time.monotonic() - started < 0.25
