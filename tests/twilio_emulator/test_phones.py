from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import requests

from twilio_emulator.client import EmulatorClient
from twilio_emulator.phones import STATIC

from .conftest import PHONE, SENDER, Receiver

Send = Callable[..., Any]


def state(emulator: EmulatorClient, **query: Any) -> Any:
    return requests.get(f"{emulator.base_url}/_phones.json", params=query, timeout=5).json()


def test_the_page_and_everything_it_loads_is_served_from_here(emulator: EmulatorClient) -> None:
    page = requests.get(f"{emulator.base_url}/", timeout=5)
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(loaded) >= 3
    for path in loaded:
        assert requests.get(emulator.base_url + path, timeout=5).status_code == 200


def test_the_page_writes_texts_as_text_only() -> None:
    script = STATIC.joinpath("phones.js").read_text()
    assert "textContent" in script
    assert not re.search("innerHTML|outerHTML|insertAdjacentHTML|document.write|eval", script)


def test_newest_phone_and_newest_text_come_first(send: Send, emulator: EmulatorClient) -> None:
    send("one")
    send("other", to="+447400123457")
    send("<b>two</b>")
    found = state(emulator)
    assert [phone["number"] for phone in found["phones"]] == [PHONE, "+447400123457"]
    assert [text["body"] for text in found["phones"][0]["texts"]] == ["<b>two</b>", "one"]
    assert found["phones"][0]["businesses"] == [SENDER]
    assert (found["phones_total"], found["texts_total"]) == (2, 3)


def test_phones_are_found_by_part_of_their_number(send: Send, emulator: EmulatorClient) -> None:
    send(to="+447400123457")
    send(to="+447400999888")
    assert [p["number"] for p in state(emulator, q="+44 7400 999")["phones"]] == ["+447400999888"]
    assert state(emulator, q="5550000")["phones"] == []


def test_a_poll_without_news_is_short(send: Send, emulator: EmulatorClient) -> None:
    version = state(emulator)["version"]
    assert state(emulator, since=version) == {"version": version, "unchanged": True}
    send()
    assert len(state(emulator, since=version)["phones"]) == 1


def test_replies_and_opt_outs_show_on_the_phone(send: Send, emulator: EmulatorClient, receiver: Receiver) -> None:
    send()
    emulator.reply(PHONE, "STOP")
    (phone,) = state(emulator)["phones"]
    assert phone["opted_out"] == [SENDER]
    assert [text["inbound"] for text in phone["texts"]] == [False, True, False]


def test_a_reply_may_be_a_form_too(emulator: EmulatorClient, receiver: Receiver) -> None:
    url = f"{emulator.base_url}/_phones/%2B447400123456/reply"
    answer = requests.post(url, data={"body": "Hi", "to": SENDER}, timeout=5)
    assert answer.json()["webhook"]["status"] == 204
    assert receiver.calls[0].form["From"] == PHONE


@pytest.mark.parametrize(("number", "body"), [("12", "Hi"), (PHONE, " "), (PHONE, "x" * 1601)])
def test_a_reply_that_makes_no_sense_is_refused(
    emulator: EmulatorClient, receiver: Receiver, number: str, body: str
) -> None:
    with pytest.raises(ValueError, match=r"phone number|1600"):
        emulator.reply(number, body)
    assert receiver.calls == []
