"""Only Twilio is heard, behind a proxy too, and repeating itself does no harm."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from django.test import Client
from twilio.request_validator import RequestValidator

from sms import transport
from sms.models import InboundMessage, Message, OptOut
from tests.delivering import SENDER, deliver_due
from tests.factories import make_appointment
from twilio_emulator.client import running_emulator

pytestmark = pytest.mark.django_db

PHONE = "+447400000042"
STATUS, INBOUND = "/sms/status/", "/sms/inbound/"


def post(url, fields, *, signed_url=None, token=None, signature=None, **headers):
    validator = RequestValidator(token or "local-auth-token")
    signed = signature or validator.compute_signature(signed_url or f"http://testserver{url}", fields)
    return Client(enforce_csrf_checks=True).post(url, fields, HTTP_X_TWILIO_SIGNATURE=signed, **headers)


def text(body, sid="SM1", **fields):
    return {"MessageSid": sid, "From": PHONE, "To": SENDER, "Body": body, **fields}


@pytest.fixture
def sent(twilio):
    make_appointment()
    deliver_due()
    return Message.objects.get(kind="confirmation")


def delivered(message):
    return {"MessageSid": message.sid, "MessageStatus": "delivered", "To": message.to}


# --- Signatures ---------------------------------------------------------------------------------------------


def test_signed_report_is_answered_204_without_a_body(sent):
    answer = post(f"{STATUS}?message={sent.pk}&attempt=1", delivered(sent))
    assert (answer.status_code, answer.content) == (204, b"")
    sent.refresh_from_db()
    assert sent.status == "delivered"


@pytest.mark.parametrize("url", [STATUS, INBOUND])
def test_request_without_a_signature_is_forbidden(url):
    assert Client().post(url, text("STOP")).status_code == 403
    assert InboundMessage.objects.count() == OptOut.objects.count() == 0


@pytest.mark.parametrize(
    "forged",
    [
        {"signature": "bm90IGEgc2lnbmF0dXJl"},
        {"signature": "\u00e9\u00ff"},
        {"token": "another token"},
        {"signed_url": "http://testserver/sms/status/"},
        {"signed_url": "https://testserver/sms/inbound/?x=1"},
    ],
)
def test_forged_request_is_forbidden_and_changes_nothing(forged):
    assert post(INBOUND, text("STOP"), **forged).status_code == 403
    assert InboundMessage.objects.count() == OptOut.objects.count() == 0


def test_signature_of_other_fields_is_forbidden(sent):
    signature = RequestValidator("local-auth-token").compute_signature(
        f"http://testserver{STATUS}", {**delivered(sent), "MessageStatus": "sent"}
    )
    assert post(STATUS, delivered(sent), signature=signature).status_code == 403


def test_signature_of_another_query_is_forbidden(sent):
    signed_url = f"http://testserver{STATUS}?message={sent.pk}&attempt=1"
    assert post(f"{STATUS}?message=1&attempt=1", delivered(sent), signed_url=signed_url).status_code == 403


def test_behind_a_proxy_the_public_address_is_what_is_signed(settings, sent):
    settings.PUBLIC_BASE_URL = "https://booking.example"
    settings.ALLOWED_HOSTS = ["testserver", "10.0.0.7"]
    url = f"{STATUS}?message={sent.pk}&attempt=1"
    inside = post(url, delivered(sent))
    outside = post(url, delivered(sent), signed_url=f"https://booking.example{url}", HTTP_HOST="10.0.0.7:8000")
    assert (inside.status_code, outside.status_code) == (403, 204)


@pytest.mark.parametrize("url", [STATUS, INBOUND])
@pytest.mark.parametrize("method", ["get", "put", "delete", "head"])
def test_other_methods_are_not_allowed(url, method):
    assert getattr(Client(), method)(url).status_code == 405


def test_replayed_report_changes_nothing(sent):
    for _ in range(3):
        assert post(STATUS, delivered(sent)).status_code == 204
    sent.refresh_from_db()
    first = Message.objects.values().get(pk=sent.pk)
    assert post(STATUS, delivered(sent)).status_code == 204
    assert Message.objects.values().get(pk=sent.pk) == first


@pytest.mark.parametrize(
    "query", ["?message=&attempt=", "?message=x&attempt=y", "?message=" + "9" * 30, "?message=-1", "?message=\u0663"]
)
def test_numbers_that_are_none_are_taken_for_absent(sent, query):
    query = quote(query, safe="?=&-")
    assert post(f"{STATUS}{query}", delivered(sent)).status_code == 204
    sent.refresh_from_db()
    assert sent.status == "delivered"


def test_report_without_a_sid_or_with_nonsense_is_answered_and_ignored():
    assert post(STATUS, {"MessageStatus": "delivered"}).status_code == 204
    assert post(STATUS, {"MessageSid": "SM" + "x" * 200, "MessageStatus": "y" * 500}).status_code == 204


# --- Texts from customers -----------------------------------------------------------------------------------


def test_reply_is_kept_beside_the_text_it_most_likely_answers(twilio):
    booking = make_appointment()
    deliver_due()
    fields = text("See you then!") | {"From": str(booking.customer.phone_number)}
    answer = post(INBOUND, fields)
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/xml")
    assert answer.content.decode().endswith("<Response />")
    reply = InboundMessage.objects.get()
    assert (reply.body, reply.sender) == ("See you then!", SENDER)
    assert reply.in_reply_to == Message.objects.get(kind="confirmation")


@pytest.mark.parametrize(
    "word",
    ["STOP", "stop", " Stop \n", "STOPALL", "UNSUBSCRIBE", "END", "QUIT", "CANCEL", "REVOKE", "OPTOUT"],
)
def test_every_word_for_stop_opts_out(word):
    post(INBOUND, text(word))
    opt_out = OptOut.objects.get()
    assert (opt_out.phone_number, opt_out.sender, opt_out.source) == (PHONE, SENDER, word.strip().upper())


@pytest.mark.parametrize("body", ["please stop", "STOP IT", "no", "", "C", "cancelled"])
def test_other_words_do_not_opt_out(body):
    post(INBOUND, text(body))
    assert not OptOut.objects.exists()
    assert InboundMessage.objects.get().body == body


@pytest.mark.parametrize("word", ["START", "start", "YES", "UNSTOP"])
def test_every_word_for_start_opts_in_again(word):
    post(INBOUND, text("STOP", "SM1"))
    post(INBOUND, text(word, "SM2"))
    assert not OptOut.objects.exists()


def test_second_stop_changes_nothing_and_start_without_stop_neither():
    post(INBOUND, text("STOP", "SM1"))
    since = OptOut.objects.get().since
    post(INBOUND, text("QUIT", "SM2"))
    assert OptOut.objects.get().since == since
    post(INBOUND, text("START", "SM3") | {"From": "+447400000043"})
    assert OptOut.objects.count() == 1


def test_stop_counts_for_the_number_it_was_sent_to_alone():
    post(INBOUND, text("STOP", "SM1"))
    post(INBOUND, text("START", "SM2") | {"To": "+447700900111"})
    assert OptOut.objects.get().sender == SENDER


@pytest.mark.parametrize("word", ["HELP", "help", "INFO"])
def test_help_is_answered_by_us_or_by_twilio_and_not_by_both(word):
    ours = post(INBOUND, text(word, "SM1")).content.decode()
    twilios = post(INBOUND, text(word, "SM2", OptOutType="HELP")).content.decode()
    assert "Reply STOP to end them" in ours
    assert "<Message>" not in twilios


def test_doubled_delivery_is_kept_obeyed_and_answered_once():
    answers = [post(INBOUND, text("HELP")).content.decode() for _ in range(3)]
    assert ["<Message>" in answer for answer in answers] == [True, False, False]
    assert InboundMessage.objects.count() == 1


def test_stop_delivered_again_after_start_does_not_opt_out_again():
    stop = text("STOP", "SM1")
    post(INBOUND, stop)
    post(INBOUND, text("START", "SM2"))
    post(INBOUND, stop)
    assert not OptOut.objects.exists()


def test_body_that_postgresql_cannot_hold_is_kept_without_its_nul():
    post(INBOUND, text("a\0b"))
    assert InboundMessage.objects.get().body == "ab"


# --- Together with the local Twilio ---------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_stop_from_a_phone_ends_its_texts_and_start_begins_them_again(
    callbacks_arrive, queues, twilio_with_inbox, settings
):
    booking = make_appointment()
    phone = str(booking.customer.phone_number)
    deliver_due()
    twilio_with_inbox.reply(phone, "STOP", to=SENDER)
    assert OptOut.objects.filter(phone_number=phone).exists()
    booking.appointment_time = booking.appointment_time.replace(minute=0, second=1)
    booking.save()
    deliver_due()
    assert len(twilio_with_inbox.messages(to=phone)) == 1
    twilio_with_inbox.reply(phone, "START", to=SENDER)
    booking.appointment_time = booking.appointment_time.replace(minute=0, second=2)
    booking.save()
    deliver_due()
    assert len(twilio_with_inbox.messages(to=phone)) == 2


@pytest.fixture
def twilio_with_inbox(live_server, settings):
    """A local Twilio of this test's own that posts replies to the live server."""
    transport._thread.__dict__.clear()
    with running_emulator(
        "--inbound-url", f"{live_server.url}{INBOUND}", environment={"TWILIO_PHONE_NUMBER": SENDER}
    ) as emulator:
        settings.TWILIO_BASE_URL = emulator.base_url
        yield emulator
    transport._thread.__dict__.clear()
