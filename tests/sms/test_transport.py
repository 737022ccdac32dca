"""What each failure of Twilio means for a text, and what we ask of Twilio."""

from __future__ import annotations

import json
import threading

import pytest
from twilio.base.exceptions import TwilioException, TwilioRestException

from sms import transport
from sms.errors import Ambiguous, NotProcessed, OptedOut, Rejected, SenderBlocked, TextBlocked, TransportError

TO = "+447400000001"


def outgoing(**fields):
    return transport.Outgoing(
        **{"message_id": 7, "attempt": 2, "to": TO, "body": "Hello", "useful_seconds": 100.0, **fields}
    )


def answer(status, code=None):
    return TwilioRestException(status=status, uri="/Messages.json", msg="no", code=code)


@pytest.mark.parametrize("code", [21211, 21614, 21265, 21635, 21617, 30004, 30005, 30006])
def test_codes_permanent_for_the_number_or_text_are_rejected(code):
    assert type(transport.classify(answer(400, code))) is Rejected


def test_code_of_an_opt_out_is_an_opt_out():
    assert type(transport.classify(answer(400, 21610))) is OptedOut


@pytest.mark.parametrize(("status", "code"), [(429, 20429), (429, None), (400, 21611), (400, 20429)])
def test_throttled_creates_were_not_processed(status, code):
    assert type(transport.classify(answer(status, code))) is NotProcessed


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (401, 20003),
        (401, None),
        (403, None),
        (400, 20008),
        (400, 21603),
        (400, 21606),
        (400, 21659),
        (400, 30034),
        (400, 30450),
        (400, 63038),
    ],
)
def test_codes_that_need_a_person_stop_the_sender(status, code):
    error = transport.classify(answer(status, code))
    assert type(error) is SenderBlocked
    assert error.code == code


@pytest.mark.parametrize("status", [400, 403])
@pytest.mark.parametrize("code", [21408, 21608, 21612, 30007])
def test_codes_of_one_destination_or_text_block_that_text_alone(status, code):
    error = transport.classify(answer(status, code))
    assert type(error) is TextBlocked
    assert error.code == code


@pytest.mark.parametrize(("status", "code"), [(500, 20500), (502, None), (503, 20503), (504, None), (302, None)])
def test_server_errors_are_ambiguous(status, code):
    assert type(transport.classify(answer(status, code))) is Ambiguous


@pytest.mark.parametrize(
    "error",
    [
        json.JSONDecodeError("no", "", 0),
        TwilioException("HTTP 200 without JSON"),
        KeyError("sid"),
    ],
)
def test_failures_after_which_twilio_may_have_the_text_are_ambiguous(error):
    assert type(transport.classify(error)) is Ambiguous


@pytest.mark.parametrize("base_url", ["http://127.0.0.1:9", "http://no-such-host.invalid"])
def test_no_connection_was_not_processed(settings, base_url, fresh_client):
    settings.TWILIO_BASE_URL = base_url
    with pytest.raises(NotProcessed, match="cannot be reached"):
        transport.send(outgoing())


def test_details_bear_no_phone_number_and_no_words_of_the_text(twilio, fresh_client):
    for kind, options in [("error", {"code": 21211}), ("500", {}), ("no_sid", {}), ("429", {}), ("refuse", {})]:
        twilio.fault(kind, **options)
        with pytest.raises(TransportError) as raised:
            transport.send(outgoing(body="Secret words"))
        assert TO not in raised.value.detail
        assert "Secret" not in raised.value.detail


@pytest.fixture
def fresh_client():
    """No client of an earlier test, which speaks to that test's address, and none left behind."""
    transport._thread.__dict__.clear()
    yield
    transport._thread.__dict__.clear()


# --- What we ask of Twilio ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("useful_seconds", "asked"), [(-5.0, 1), (0.2, 1), (59.9, 59), (36_000.0, 36_000), (9e9, 36_000)]
)
def test_validity_period_is_what_is_left_within_twilios_bounds(twilio, fresh_client, useful_seconds, asked):
    transport.send(outgoing(useful_seconds=useful_seconds))
    (text,) = twilio.messages()
    assert text["validity_period"] == asked


def test_callback_bears_our_id_and_attempt_and_asks_for_retries(settings, twilio, fresh_client):
    settings.PUBLIC_BASE_URL = "https://booking.example"
    transport.send(outgoing())
    (text,) = twilio.messages()
    assert text["status_callback"] == "https://booking.example/sms/status/?message=7&attempt=2#rc=5&rp=all"


def test_no_callback_is_asked_for_where_nobody_could_reach_us(twilio, fresh_client):
    transport.send(outgoing())
    assert not twilio.messages()[0]["status_callback"]


def test_accepted_text_answers_with_its_sid_and_twilios_count_of_segments(twilio, fresh_client):
    accepted = transport.send(outgoing(body="\u2019" * 71))
    assert accepted.sid == twilio.messages()[0]["sid"]
    assert accepted.segments == 2


@pytest.mark.parametrize(("header_seconds", "read"), [(7, 7.0), (0, 0.0)])
def test_retry_after_is_read(twilio, fresh_client, header_seconds, read):
    twilio.fault("429", seconds=header_seconds)
    with pytest.raises(NotProcessed) as raised:
        transport.send(outgoing())
    assert raised.value.retry_after_seconds == read


def test_retry_after_of_an_earlier_answer_is_forgotten(twilio, fresh_client):
    twilio.fault("429", seconds=7)
    twilio.fault("error", code=21611)
    for expected in (7.0, None):
        with pytest.raises(NotProcessed) as raised:
            transport.send(outgoing())
        assert raised.value.retry_after_seconds == expected


def test_silence_ends_at_the_timeout(settings, twilio, fresh_client):
    settings.SMS_HTTP_TIMEOUT_SECONDS = 0.2
    twilio.fault("hang", seconds=2)
    with pytest.raises(Ambiguous, match="no answer from Twilio in time"):
        transport.send(outgoing())


def test_every_thread_has_a_client_of_its_own(fresh_client):
    clients = [transport._client()]
    thread = threading.Thread(target=lambda: clients.append(transport._client()))
    thread.start()
    thread.join()
    assert transport._client() is clients[0]
    assert clients[0] is not clients[1]
    assert clients[0].http_client is not clients[1].http_client
