"""Twilio's reports: in any order, doubled, early, of unknown texts."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sms import callbacks
from sms.clock import database_now
from sms.models import Message, OptOut, SenderHold
from tests.delivering import deliver_due, let_time_pass, make_due, wait_until
from tests.factories import make_appointment

pytestmark = pytest.mark.django_db


@pytest.fixture
def sent(twilio):
    """A confirmation that Twilio has accepted."""
    make_appointment()
    deliver_due()
    return confirmation()


def confirmation():
    return Message.objects.filter(kind="confirmation").order_by("id").first()


def report(message, status, code=None, **fields):
    callbacks.record(
        callbacks.Report(
            **{
                "sid": message.sid,
                "status": status,
                "error_code": code,
                "message_id": message.pk,
                "attempt": message.attempts,
                **fields,
            }
        )
    )
    message.refresh_from_db()
    return message


def test_delivered_is_recorded_with_its_moment(sent):
    report(sent, "delivered")
    assert (sent.status, sent.reason) == ("delivered", "")
    assert sent.delivered_at >= sent.sent_at


@pytest.mark.parametrize("status", ["delivered", "sent", "failed"])
def test_report_without_a_sid_says_nothing_of_texts_that_have_none_yet(status):
    make_appointment()
    callbacks.record(callbacks.Report(sid="", status=status, error_code=None, message_id=None, attempt=None))
    assert set(Message.objects.values_list("status", flat=True)) == {"pending"}


def test_delivered_stays_whatever_comes_after_it(sent):
    report(sent, "delivered")
    first = sent.delivered_at
    for status, code in [("sent", None), ("queued", None), ("delivered", None), ("undelivered", 30003)]:
        report(sent, status, code)
    assert (sent.status, sent.delivered_at, sent.error_code) == ("delivered", first, None)


@pytest.mark.parametrize("status", ["queued", "accepted", "sending", "sent", "no-such-status", ""])
def test_steps_on_the_way_change_nothing(sent, status):
    before = Message.objects.filter(pk=sent.pk).values().get()
    report(sent, status)
    assert Message.objects.filter(pk=sent.pk).values().get() == before


@pytest.mark.parametrize("status", ["failed", "undelivered", "canceled"])
@pytest.mark.parametrize("code", [30004, 30005, 30006, 30036, None])
def test_failure_that_will_not_pass_is_the_end(sent, status, code):
    report(sent, status, code)
    assert (sent.status, sent.reason, sent.error_code) == ("failed", "accepted, then not delivered", code)
    assert sent.trail[0]["outcome"] == f"accepted, then not delivered ({status}), {sent.sid}"


@pytest.mark.parametrize("code", [30001, 30003, 30008, 30500])
def test_failure_that_may_pass_is_worth_one_more_attempt_and_no_third(sent, twilio, code):
    first = sent.sid
    report(sent, "undelivered", code)
    assert (sent.status, sent.sid, sent.reason) == ("pending", "", "accepted, then not delivered: trying again")
    deliver_due()
    sent.refresh_from_db()
    assert (sent.status, sent.attempts) == ("sent", 2)
    assert sent.sid != first
    report(sent, "undelivered", code)
    assert (sent.status, len(twilio.messages())) == ("failed", 2)


def test_failure_that_may_pass_is_the_end_when_the_visit_has_begun(sent):
    let_time_pass(timedelta(hours=25))
    report(sent, "undelivered", 30003)
    assert sent.status == "failed"


def test_failure_that_may_pass_is_the_end_when_a_newer_text_was_planned(sent):
    booking = sent.booking
    booking.appointment_time += timedelta(hours=1)
    booking.save()
    report(sent, "undelivered", 30003)
    assert sent.status == "failed"


def test_repeated_failure_of_the_first_attempt_does_not_end_the_second(sent):
    first = sent.sid
    report(sent, "undelivered", 30003)
    report(sent, "undelivered", 30003, sid=first, attempt=1)
    assert sent.status == "pending"
    deliver_due()
    report(sent, "undelivered", 30003, sid=first, attempt=1)
    assert sent.status == "sent"


def test_opt_out_told_late_is_kept(sent):
    report(sent, "failed", 21610)
    assert (sent.status, sent.reason) == ("skipped", "opted out")
    assert OptOut.objects.get().phone_number == sent.to


@pytest.mark.parametrize("code", [30034, 30450])
def test_sender_refused_by_the_carrier_is_stopped_and_the_text_waits(sent, code):
    report(sent, "undelivered", code)
    assert sent.status == "pending"
    assert SenderHold.objects.get().error_code == code


def test_text_filtered_by_the_carrier_waits_and_stops_nobody_else(sent):
    report(sent, "undelivered", 30007)
    assert (sent.status, sent.error_code) == ("pending", 30007)
    assert not SenderHold.objects.exists()


@pytest.mark.parametrize("code", [30007, 30034])
def test_text_that_twilio_takes_and_the_carrier_refuses_is_tried_again_ever_later(sent, code):
    report(sent, "undelivered", code)
    assert sent.next_attempt_at >= database_now() + timedelta(seconds=14)
    Message.objects.filter(pk=sent.pk).update(status="sent", sid="SM" + "d" * 32, attempts=9)
    sent.refresh_from_db()
    report(sent, "undelivered", code)
    assert sent.status == "pending"
    assert sent.next_attempt_at >= database_now() + timedelta(minutes=29)


@pytest.mark.parametrize("status", ["queued", "sent", "delivered"])
def test_report_before_the_answer_proves_acceptance(twilio, status):
    make_appointment()
    message = confirmation()
    Message.objects.filter(pk=message.pk).update(status="unknown", attempts=1)
    report(message, status, sid="SM" + "a" * 32, attempt=1)
    assert message.sid == "SM" + "a" * 32
    assert message.status == ("delivered" if status == "delivered" else "sent")
    assert message.leased_until is None


def test_report_of_a_text_of_nobody_changes_nothing(sent):
    before = list(Message.objects.order_by("id").values())
    for message_id in (None, 999_999_999):
        callbacks.record(callbacks.Report("SM" + "f" * 32, "delivered", None, message_id, None))
    assert list(Message.objects.order_by("id").values()) == before


def test_second_sid_for_one_text_is_noted_and_the_first_kept(sent):
    first = sent.sid
    report(sent, "delivered", sid="SM" + "b" * 32, attempt=1)
    report(sent, "delivered", sid="SM" + "b" * 32, attempt=1)
    assert (sent.sid, sent.status) == (first, "sent")
    assert [entry["outcome"] for entry in sent.trail] == ["was accepted as well: SM" + "b" * 32]


def test_late_proof_of_a_first_attempt_stops_the_second(twilio):
    make_appointment()
    message = confirmation()
    Message.objects.filter(pk=message.pk).update(status="pending", attempts=1)
    report(message, "sent", sid="SM" + "c" * 32, attempt=1)
    deliver_due()
    assert message.status == "sent"
    assert twilio.messages() == []


# --- With the local Twilio and real webhooks ------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("mode", ["normal", "doubled", "out_of_order"])
def test_text_ends_delivered_however_its_callbacks_come(callbacks_arrive, queues, twilio, mode):
    twilio.callbacks(mode, seconds=0.1)
    make_appointment()
    deliver_due()
    wait_until(lambda: confirmation().status == "delivered")
    wait_until(lambda: twilio.stats()["callbacks"]["delivered"] == {"doubled": 4}.get(mode, 2))
    row = confirmation()
    assert (row.status, row.attempts, len(twilio.messages())) == ("delivered", 1, 1)
    assert twilio.stats()["callbacks"]["failed"] == 0


@pytest.mark.django_db(transaction=True)
def test_callback_that_overtakes_the_answer_is_not_undone_by_it(callbacks_arrive, queues, twilio):
    twilio.fault("callback_before_response")
    make_appointment()
    deliver_due()
    row = confirmation()
    assert (row.status, row.sid) == ("delivered", twilio.messages()[0]["sid"])
    assert (row.reason, row.attempts) == ("", 1)


@pytest.mark.django_db(transaction=True)
def test_text_that_fails_on_its_way_is_sent_once_more(callbacks_arrive, queues, twilio):
    twilio.fault("fail_after_accept", code=30003)
    make_appointment()
    deliver_due()
    wait_until(lambda: confirmation().status == "pending")
    make_due(confirmation())
    deliver_due()
    wait_until(lambda: confirmation().status == "delivered")
    assert (confirmation().attempts, len(twilio.messages())) == (2, 2)
