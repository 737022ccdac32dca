"""Sending a text again from the admin: what Twilio has accepted only after a second question."""

from __future__ import annotations

import pytest

from sms.models import Message
from tests.delivering import deliver_due, ledger_of
from tests.factories import make_appointment, make_platform_admin

pytestmark = pytest.mark.django_db

MESSAGES = "/admin/sms/message/"


@pytest.fixture
def admin_page(client):
    client.force_login(make_platform_admin())
    return client


def send_again(admin_page, message, **fields):
    return admin_page.post(MESSAGES, {"action": "send_again", "_selected_action": [message.pk], **fields})


def test_accepted_text_is_doubled_only_after_a_second_question(admin_page, twilio):
    booking = make_appointment()
    deliver_due()
    message = Message.objects.get(kind="confirmation")
    assert b"Send again?" in send_again(admin_page, message).content
    assert len(ledger_of(booking)) == 2
    send_again(admin_page, message, double="yes")
    deliver_due()
    assert len(twilio.messages()) == 2


def test_failed_text_goes_out_again_without_a_question(admin_page, twilio):
    make_appointment()
    twilio.fault("error", code=21211, count=1)
    deliver_due()
    message = Message.objects.get(kind="confirmation")
    assert message.status == "failed"
    send_again(admin_page, message)
    deliver_due()
    assert len(twilio.messages()) == 1


def test_text_still_on_its_way_is_not_planned_a_second_time(admin_page, queues):
    booking = make_appointment()
    send_again(admin_page, Message.objects.get(kind="confirmation"))
    assert [kind for kind, _, _ in ledger_of(booking)].count("confirmation") == 1
