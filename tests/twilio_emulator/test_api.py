from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from twilio_emulator.client import EmulatorClient, running_emulator
from twilio_emulator.settings import LOCAL_ACCOUNT_SID, LOCAL_AUTH_TOKEN

from .conftest import PHONE, SENDER, real_client, wait_until

ACCOUNT_PATH = f"/2010-04-01/Accounts/{LOCAL_ACCOUNT_SID}"


def test_a_created_text_has_every_field_of_twilios_resource(emulator: EmulatorClient) -> None:
    answer = requests.post(
        f"{emulator.base_url}{ACCOUNT_PATH}/Messages.json",
        data={"To": PHONE, "From": SENDER, "Body": "Hi €"},
        auth=(LOCAL_ACCOUNT_SID, LOCAL_AUTH_TOKEN),
        timeout=5,
    )
    resource = answer.json()
    sid = resource["sid"]
    created = resource.pop("date_created")
    assert answer.status_code == 201
    assert len(sid) == 34
    assert sid.startswith("SM")
    assert datetime.strptime(created, "%a, %d %b %Y %H:%M:%S +0000")  # noqa: DTZ007
    assert resource == {
        "account_sid": LOCAL_ACCOUNT_SID,
        "api_version": "2010-04-01",
        "body": "Hi €",
        "date_sent": None,
        "date_updated": created,
        "direction": "outbound-api",
        "error_code": None,
        "error_message": None,
        "from": SENDER,
        "messaging_service_sid": None,
        "num_media": "0",
        "num_segments": "1",
        "price": None,
        "price_unit": "USD",
        "sid": sid,
        "status": "queued",
        "subresource_uris": {"media": f"{ACCOUNT_PATH}/Messages/{sid}/Media.json"},
        "to": PHONE,
        "uri": f"{ACCOUNT_PATH}/Messages/{sid}.json",
    }


def test_a_text_is_delivered_soon_after(send: Callable[..., Any], twilio: Client) -> None:
    message = send("x" * 161)
    assert message.num_segments == "2"
    wait_until(lambda: twilio.messages(message.sid).fetch().status == "delivered")
    assert twilio.messages(message.sid).fetch().date_sent is not None


def test_a_messaging_service_picks_the_sender_when_it_sends(twilio: Client) -> None:
    message = twilio.messages.create(to=PHONE, messaging_service_sid="MG" + "0" * 32, body="Hello")
    assert (message.status, message.from_, message.num_segments) == ("accepted", None, "0")
    wait_until(lambda: twilio.messages(message.sid).fetch().status == "delivered")
    assert twilio.messages(message.sid).fetch().from_ == SENDER


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"to": ""}, 21604),
        ({"to": "07400123456"}, 21211),
        ({"to": "+0123456789"}, 21211),
        ({"to": "+15005550001"}, 21211),
        ({"to": "+15005550002"}, 21612),
        ({"to": "+15005550003"}, 21408),
        ({"to": "+15005550004"}, 21610),
        ({"to": "+15005550009"}, 21614),
        ({"from_": ""}, 21603),
        ({"from_": "not a sender!"}, 21212),
        ({"from_": "+15005550001"}, 21212),
        ({"from_": "+15005550007"}, 21606),
        ({"body": ""}, 21602),
        ({"body": "x" * 1601}, 21617),
        ({"status_callback": "example"}, 21609),
        ({"status_callback": "ftp://example.com/"}, 21609),
        ({"validity_period": 0}, 21624),
        ({"validity_period": 36001}, 21624),
    ],
)
def test_bad_input_gets_twilios_code_and_nothing_is_accepted(
    send: Callable[..., Any], emulator: EmulatorClient, fields: dict[str, Any], code: int
) -> None:
    with pytest.raises(TwilioRestException) as refused:
        send(**fields)
    assert (refused.value.status, refused.value.code) == (400, code)
    assert emulator.messages() == []
    assert emulator.stats()["rejected"] == 1


def test_a_full_sender_queue_is_429_with_code_21611(send: Callable[..., Any]) -> None:
    with pytest.raises(TwilioRestException) as refused:
        send(from_="+15005550008")
    assert (refused.value.status, refused.value.code) == (429, 21611)


def test_the_longest_body_and_the_longest_validity_are_accepted(
    send: Callable[..., Any], emulator: EmulatorClient
) -> None:
    send("x" * 1600, validity_period=36000)
    assert emulator.messages()[0]["validity_period"] == 36000


def test_with_numbers_of_ours_any_other_sender_is_21606() -> None:
    with running_emulator("--numbers", "+447700900001,+447700900002") as emulator:
        client = real_client(emulator)
        client.messages.create(to=PHONE, from_="+447700900002", body="Hello")
        with pytest.raises(TwilioRestException) as refused:
            client.messages.create(to=PHONE, from_="+447700900003", body="Hello")
    assert refused.value.code == 21606


@pytest.mark.parametrize("credentials", [None, (LOCAL_ACCOUNT_SID, "wrong"), ("AC1", LOCAL_AUTH_TOKEN)])
def test_wrong_credentials_are_401(emulator: EmulatorClient, credentials: tuple[str, str] | None) -> None:
    answer = requests.get(f"{emulator.base_url}{ACCOUNT_PATH}.json", auth=credentials, timeout=5)
    assert answer.status_code == 401
    assert answer.json() == {
        "code": 20003,
        "message": "Authenticate",
        "more_info": "https://www.twilio.com/docs/errors/20003",
        "status": 401,
    }


def test_the_account_can_be_fetched_to_probe_credentials(twilio: Client) -> None:
    account = twilio.api.accounts(LOCAL_ACCOUNT_SID).fetch()
    assert (account.sid, account.status) == (LOCAL_ACCOUNT_SID, "active")


@pytest.mark.parametrize("path", [f"{ACCOUNT_PATH}/Messages/SM0.json", f"{ACCOUNT_PATH}/Calls.json"])
def test_what_does_not_exist_is_404(emulator: EmulatorClient, path: str) -> None:
    answer = requests.get(f"{emulator.base_url}{path}", auth=(LOCAL_ACCOUNT_SID, LOCAL_AUTH_TOKEN), timeout=5)
    assert (answer.status_code, answer.json()["code"]) == (404, 20404)


def test_the_list_is_newest_first_and_filters_by_to_and_from(send: Callable[..., Any], twilio: Client) -> None:
    first, second = send("first"), send("second")
    other = send("other", to="+447400123457", from_="+15005550010")
    assert [m.sid for m in twilio.messages.list(limit=10)] == [other.sid, second.sid, first.sid]
    assert [m.sid for m in twilio.messages.list(to=PHONE, limit=10)] == [second.sid, first.sid]
    assert [m.sid for m in twilio.messages.list(from_="+15005550010", limit=10)] == [other.sid]
    assert [m.sid for m in twilio.messages.list(to=PHONE, limit=1)] == [second.sid]


def test_the_list_filters_by_the_day_a_text_was_sent(send: Callable[..., Any], twilio: Client) -> None:
    message = send()
    wait_until(lambda: twilio.messages(message.sid).fetch().status == "delivered")
    today = twilio.messages(message.sid).fetch().date_sent.date()
    day = timedelta(days=1)
    at = datetime(today.year, today.month, today.day, tzinfo=UTC)

    def found(**filters: datetime) -> int:
        return len(twilio.messages.list(limit=10, **filters))

    assert [found(date_sent=at), found(date_sent_after=at), found(date_sent_before=at)] == [1, 1, 1]
    assert [found(date_sent=at - day), found(date_sent_after=at + day)] == [0, 0]
    assert found(date_sent_before=at - day) == 0


@pytest.mark.parametrize("to", [None, PHONE])
def test_streaming_pages_through_every_text_once(send: Callable[..., Any], twilio: Client, to: str | None) -> None:
    sids = [send(str(i)).sid for i in range(7)]
    filters = {"to": to} if to else {}
    assert [m.sid for m in twilio.messages.stream(page_size=3, **filters)] == sids[::-1]


def test_paging_stays_put_while_new_texts_arrive(send: Callable[..., Any], twilio: Client) -> None:
    sids = [send(str(i)).sid for i in range(4)]
    page = twilio.messages.page(page_size=2)
    assert [m.sid for m in page] == [sids[3], sids[2]]
    send("meanwhile")
    assert [m.sid for m in page.next_page()] == [sids[1], sids[0]]


def test_a_page_names_its_neighbours(send: Callable[..., Any], emulator: EmulatorClient) -> None:
    for i in range(3):
        send(str(i))
    auth = (LOCAL_ACCOUNT_SID, LOCAL_AUTH_TOKEN)
    url = f"{emulator.base_url}{ACCOUNT_PATH}/Messages.json"
    first = requests.get(url, params={"PageSize": "2", "To": PHONE}, auth=auth, timeout=5).json()
    assert (first["page"], first["page_size"], first["previous_page_uri"]) == (0, 2, None)
    assert first["uri"] == f"{ACCOUNT_PATH}/Messages.json?PageSize=2&To=%2B447400123456"
    last = requests.get(emulator.base_url + first["next_page_uri"], auth=auth, timeout=5).json()
    assert (last["page"], len(last["messages"]), last["next_page_uri"]) == (1, 1, None)
    again = requests.get(emulator.base_url + last["previous_page_uri"], auth=auth, timeout=5).json()
    assert [m["sid"] for m in again["messages"]] == [m["sid"] for m in first["messages"]]


def test_a_queued_text_can_be_canceled_and_is_never_sent(
    send: Callable[..., Any], twilio: Client, emulator: EmulatorClient
) -> None:
    emulator.delivery(150, 200)
    message = send()
    assert twilio.messages(message.sid).update(status="canceled").status == "canceled"
    time.sleep(0.3)
    assert twilio.messages(message.sid).fetch().status == "canceled"


def test_a_scheduled_text_waits_and_can_be_canceled(twilio: Client) -> None:
    message = twilio.messages.create(
        to=PHONE,
        messaging_service_sid="MG" + "0" * 32,
        body="Later",
        schedule_type="fixed",
        send_at=datetime.now(UTC) + timedelta(hours=1),
    )
    time.sleep(0.15)
    assert twilio.messages(message.sid).fetch().status == "scheduled"
    assert twilio.messages(message.sid).update(status="canceled").status == "canceled"


def test_after_it_was_sent_a_text_can_be_redacted_but_not_canceled(send: Callable[..., Any], twilio: Client) -> None:
    message = send("private")
    wait_until(lambda: twilio.messages(message.sid).fetch().status == "delivered")
    with pytest.raises(TwilioRestException) as refused:
        twilio.messages(message.sid).update(status="canceled")
    assert (refused.value.status, refused.value.code) == (409, 30409)
    assert twilio.messages(message.sid).update(body="").body == ""
    with pytest.raises(TwilioRestException) as rewritten:
        twilio.messages(message.sid).update(body="other words")
    assert rewritten.value.code == 30400


def test_a_deleted_text_is_gone(send: Callable[..., Any], twilio: Client, emulator: EmulatorClient) -> None:
    emulator.delivery(sent_ms=1_500, delivered_ms=1_600)
    kept, message = send(), send()
    with pytest.raises(TwilioRestException) as too_early:
        twilio.messages(message.sid).delete()
    assert too_early.value.code == 20009
    wait_until(lambda: twilio.messages(message.sid).fetch().status == "delivered")
    assert twilio.messages(message.sid).delete() is True
    with pytest.raises(TwilioRestException) as gone:
        twilio.messages(message.sid).fetch()
    assert (gone.value.status, gone.value.code) == (404, 20404)
    assert [m["sid"] for m in emulator.messages(PHONE)] == [kept.sid]


def test_one_connection_carries_many_requests(emulator: EmulatorClient) -> None:
    address = urlsplit(emulator.base_url)
    connection = HTTPConnection(str(address.hostname), address.port, timeout=5)
    connection.connect()
    opened = connection.sock
    for _ in range(3):
        connection.request("GET", "/_control/stats")
        answer = connection.getresponse()
        answer.read()
        assert (answer.status, answer.version, connection.sock) == (200, 11, opened)
    connection.close()
