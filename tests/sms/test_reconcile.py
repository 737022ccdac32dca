"""Texts that Twilio may or may not have: adopted where it has them, sent once more only on proof that it has not."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models import F

from appointment import texts
from sms import callbacks, delivery, reconcile, transport
from sms.clock import database_now
from sms.models import Message
from tests.delivering import deliver_due, let_time_pass, make_due, wait_until
from tests.factories import hours_ahead, make_appointment, make_customer, make_salon

pytestmark = pytest.mark.django_db


def confirmation():
    return Message.objects.get(kind="confirmation")


def attempted_ago(**interval):
    """Let time pass for the text's attempt alone."""
    Message.objects.exclude(status="pending").update(
        attempted_at=F("attempted_at") - timedelta(**interval), leased_until=database_now()
    )


def in_doubt(twilio, fault, **options):
    booking = make_appointment()
    twilio.fault(fault, **options)
    deliver_due()
    assert confirmation().status == "unknown"
    return booking


def look_again():
    Message.objects.filter(status="unknown").update(leased_until=database_now())
    return reconcile.trace_unknown()


@pytest.mark.parametrize("fault", ["accept_then_drop", "no_sid"])
def test_text_that_twilios_list_shows_is_adopted(twilio, fault):
    in_doubt(twilio, fault)
    assert reconcile.trace_unknown() == 1
    row, (text,) = confirmation(), twilio.messages()
    assert (row.status, row.reason, row.sid) == ("sent", "traced at Twilio", text["sid"])
    assert row.sent_at == row.attempted_at
    assert reconcile.trace_unknown() == 0


def test_text_that_the_list_shows_late_is_adopted_and_never_doubled(settings, twilio):
    settings.SMS_RECONCILE_SECONDS = 180
    twilio.list_lag(3600)
    in_doubt(twilio, "accept_then_drop")
    for _ in range(3):
        look_again()
        deliver_due()
        assert confirmation().status == "unknown"
    twilio.list_lag(0)
    look_again()
    deliver_due()
    assert (confirmation().status, len(twilio.messages())) == ("sent", 1)


def test_text_of_which_no_trace_is_found_in_time_is_sent_once_more(settings, twilio):
    settings.SMS_RECONCILE_SECONDS = 20
    in_doubt(twilio, "500")
    look_again()
    assert confirmation().status == "unknown", "too early for absence to prove anything"
    attempted_ago(seconds=21)
    look_again()
    row = confirmation()
    assert (row.status, row.reason) == ("pending", "no trace of it at Twilio: sent again")
    deliver_due()
    deliver_due()
    assert (confirmation().status, confirmation().attempts, len(twilio.messages())) == ("sent", 2, 1)


def test_absence_is_proven_by_a_look_taken_late_enough_and_not_by_an_answer_that_was_slow_to_be_read(settings, twilio):
    """Given a batch in which one lookup takes long, then the early look at another text proves nothing."""
    settings.SMS_RECONCILE_SECONDS = 1
    settings.SMS_HTTP_TIMEOUT_SECONDS = 5
    twilio.list_lag(3600)
    make_appointment()
    make_appointment()
    twilio.fault("accept_then_drop", count=2)
    twilio.fault("hang", path="list", seconds=1.5)
    deliver_due()
    assert reconcile.trace_unknown() == 2
    deliver_due()
    assert {row.status for row in Message.objects.filter(kind="confirmation")} == {"unknown"}
    assert len(twilio.messages()) == 2


def test_list_that_cannot_be_read_proves_nothing(settings, twilio):
    settings.SMS_RECONCILE_SECONDS = 1
    in_doubt(twilio, "500")
    attempted_ago(seconds=100)
    twilio.fault("500", path="list")
    look_again()
    assert confirmation().status == "unknown"
    assert confirmation().leased_until > database_now()


def test_each_further_doubt_waits_twice_as_long_up_to_a_minute(settings, twilio):
    settings.SMS_RECONCILE_SECONDS = 10
    in_doubt(twilio, "500")
    for waited, attempts in [(10, 2), (20, 3), (40, 4), (60, 5), (60, 6)]:
        attempted_ago(seconds=waited - 2)
        look_again()
        assert confirmation().status == "unknown"
        attempted_ago(seconds=3)
        look_again()
        assert confirmation().status == "pending"
        twilio.fault("500")
        deliver_due()
        assert confirmation().attempts == attempts


def test_text_in_doubt_too_often_is_given_up(settings, twilio):
    settings.SMS_RECONCILE_SECONDS = 1
    in_doubt(twilio, "500", count=100)
    for _ in range(20):
        attempted_ago(seconds=120)
        look_again()
        deliver_due()
    row = confirmation()
    assert (row.status, row.reason) == ("failed", "no trace of it at Twilio after many attempts")
    assert row.attempts == len(row.trail) == reconcile.MAX_UNKNOWN_ATTEMPTS


def test_attempts_that_twilio_turned_away_do_not_count_as_doubts(settings, twilio):
    settings.SMS_RECONCILE_SECONDS = 20
    make_appointment()
    twilio.fault("429", count=10, seconds=0)
    for _ in range(10):
        deliver_due()
        make_due(confirmation())
    twilio.fault("500")
    deliver_due()
    assert confirmation().status == "unknown"
    attempted_ago(seconds=21)
    look_again()
    assert (confirmation().status, confirmation().reason) == ("pending", "no trace of it at Twilio: sent again")


def test_text_without_trace_whose_visit_has_begun_is_given_up(twilio):
    in_doubt(twilio, "500")
    let_time_pass(timedelta(hours=25))
    look_again()
    row = confirmation()
    assert (row.status, row.reason) == ("failed", "no trace of it at Twilio; too late to send again")


def test_text_that_nobody_can_tell_of_is_given_up_when_it_is_too_late(twilio):
    in_doubt(twilio, "500")
    let_time_pass(timedelta(hours=25))
    twilio.fault("500", path="list")
    look_again()
    row = confirmation()
    assert (row.status, row.reason) == ("failed", "unknown whether it was sent; too late to ask or send again")


def test_text_without_trace_gives_way_to_a_newer_one(settings, twilio):
    booking = in_doubt(twilio, "500")
    booking.appointment_time += timedelta(hours=1)
    booking.save()
    attempted_ago(seconds=1000)
    look_again()
    first, second = Message.objects.filter(kind="confirmation").order_by("id")
    assert (first.status, first.reason) == ("superseded", "a newer text took its place")
    deliver_due()
    second.refresh_from_db()
    assert (second.status, len(twilio.messages())) == ("sent", 1)


def test_two_texts_of_the_same_words_to_the_same_phone_adopt_different_sids(twilio):
    salon = make_salon()
    customer = make_customer(salon)
    for _ in range(2):
        make_appointment(salon=salon, customer=customer, appointment_time=hours_ahead(24))
    twilio.fault("accept_then_drop", count=2)
    deliver_due()
    reconcile.trace_unknown()
    rows = Message.objects.filter(kind="confirmation")
    assert {row.status for row in rows} == {"sent"}
    assert {row.sid for row in rows} == {text["sid"] for text in twilio.messages()}
    assert len({row.sid for row in rows}) == 2


def test_of_two_texts_of_the_same_words_only_the_one_that_is_missing_is_sent_again(settings, twilio):
    settings.SMS_RECONCILE_SECONDS = 20
    salon = make_salon()
    customer = make_customer(salon)
    for _ in range(2):
        make_appointment(salon=salon, customer=customer, appointment_time=hours_ahead(24))
    twilio.fault("accept_then_drop")
    twilio.fault("500")
    deliver_due()
    reconcile.trace_unknown()
    attempted_ago(seconds=21)
    look_again()
    deliver_due()
    assert {row.status for row in Message.objects.filter(kind="confirmation")} == {"sent"}
    assert len(twilio.messages()) == 2


def test_text_of_other_words_to_the_same_phone_is_not_mistaken_for_it(twilio):
    salon = make_salon()
    customer = make_customer(salon)
    make_appointment(salon=salon, customer=customer, appointment_time=hours_ahead(24))
    make_appointment(salon=salon, customer=customer, appointment_time=hours_ahead(48))
    twilio.fault("500")
    deliver_due()
    reconcile.trace_unknown()
    assert [row.status for row in Message.objects.filter(kind="confirmation").order_by("id")] == ["unknown", "sent"]


def test_clock_of_twilio_a_few_seconds_behind_ours_hides_no_text(settings, twilio):
    settings.SMS_RECONCILE_SECONDS = 1
    in_doubt(twilio, "accept_then_drop")
    Message.objects.filter(status="unknown").update(attempted_at=F("attempted_at") + timedelta(seconds=10))
    look_again()
    assert confirmation().status == "sent"


def test_earlier_attempt_that_failed_on_its_way_is_not_adopted_for_the_next(settings, twilio):
    """Given a first attempt accepted and then undelivered, when the next is in doubt, then the first proves nothing."""
    make_appointment()
    deliver_due()
    row = confirmation()
    callbacks.record(callbacks.Report(row.sid, "undelivered", 30003, row.pk, 1))
    twilio.fault("500")
    deliver_due()
    look_again()
    assert confirmation().status == "unknown"


def say_hello(messages):
    return [delivery.Text(message.to, "Hello") for message in messages]


def test_worker_that_died_while_sending_leaves_a_text_to_be_traced(twilio):
    booking = make_appointment()
    claimed = delivery.claim(
        booking.pk,
        Message.Kind.CONFIRMATION,
        say_hello,
    )
    assert claimed is not None
    transport.send(claimed.outgoing)  # … and then the worker is gone
    assert reconcile.trace_unknown() == 0, "its lease still holds"
    Message.objects.filter(status="sending").update(leased_until=database_now())
    reconcile.trace_unknown()
    row = confirmation()
    assert (row.status, row.sid) == ("sent", twilio.messages()[0]["sid"])
    assert [entry["outcome"] for entry in row.trail] == ["the worker stopped while sending"]


def test_worker_that_died_before_asking_twilio_costs_no_text(settings, twilio):
    settings.SMS_RECONCILE_SECONDS = 20
    booking = make_appointment()
    delivery.claim(
        booking.pk,
        Message.Kind.CONFIRMATION,
        say_hello,
    )
    attempted_ago(seconds=21)
    reconcile.trace_unknown()
    deliver_due()
    assert (confirmation().status, confirmation().attempts, len(twilio.messages())) == ("sent", 2, 1)


@pytest.mark.django_db(transaction=True)
def test_callback_proves_acceptance_before_the_list_is_even_read(callbacks_arrive, queues, twilio):
    twilio.list_lag(3600)
    make_appointment()
    twilio.fault("accept_then_drop")
    deliver_due()
    row = wait_until(lambda: Message.objects.filter(kind="confirmation", status="delivered").first())
    assert row.sid == twilio.messages()[0]["sid"]
    assert reconcile.trace_unknown() == 0
    deliver_due()
    assert len(twilio.messages()) == 1


def test_older_text_of_unknown_fate_does_not_push_out_the_newer_one(settings, twilio):
    """Both confirmations of a moved booking were lost in a fault of Twilio; only the second is still true."""
    settings.SMS_RECONCILE_SECONDS = 0
    booking = make_appointment()
    twilio.fault("500", count=2)
    deliver_due()
    booking.appointment_time += timedelta(hours=1)
    booking.save()
    deliver_due()
    older, newer = Message.objects.filter(kind="confirmation").order_by("id")
    assert (older.status, newer.status) == ("unknown", "unknown")
    for message in (older, newer):
        reconcile._settle(message, [], database_now() + timedelta(minutes=2))
    older.refresh_from_db()
    newer.refresh_from_db()
    assert (older.status, newer.status) == ("superseded", "pending")
    deliver_due()
    assert [text["body"] for text in twilio.messages()] == [texts.confirmation(booking)]
