"""One text, once: the claim, the second look, the hand-over, the record, for each way that Twilio can fail."""

from __future__ import annotations

import time
from datetime import timedelta
from functools import partial

import pytest
import time_machine
from django.db import connection, transaction

from appointment import due_texts, texts
from sms import delivery, holds, opt_outs
from sms.clock import database_now
from sms.models import Message, OptOut, SenderHold
from tests.delivering import deliver_due, ledger_of, let_time_pass, make_due
from tests.factories import make_appointment, make_salon
from tests.racing import race

pytestmark = pytest.mark.django_db

Kind = Message.Kind


def confirmation():
    return Message.objects.get(kind="confirmation")


def claim(booking):
    return delivery.claim(booking.pk, Kind.CONFIRMATION, due_texts.compose_confirmations)


# --- The claim ------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_of_eight_workers_one_gets_the_text(queues, twilio):
    booking = make_appointment()
    race(*[partial(due_texts.deliver_confirmation, booking.pk)] * 8)
    assert len(twilio.messages()) == 1
    assert confirmation().attempts == 1


@pytest.mark.django_db(transaction=True)
def test_row_that_somebody_else_holds_is_left_to_them(queues):
    booking = make_appointment()
    with transaction.atomic():
        Message.objects.select_for_update().get(kind="confirmation")
        assert race(partial(claim, booking)) == [None]
    assert confirmation().status == "pending"


def test_claim_marks_the_row_as_being_sent_until_its_lease_ends(settings):
    booking = make_appointment()
    claimed = claim(booking)
    row = confirmation()
    assert (row.status, row.attempts, row.reason) == ("sending", 1, "")
    assert row.leased_until - row.attempted_at == timedelta(seconds=settings.SMS_CLAIM_LEASE_SECONDS)
    assert row.body == claimed.outgoing.body == texts.confirmation(booking)
    assert row.segments == 1
    assert claim(booking) is None


def test_text_ahead_of_its_moment_is_not_claimed():
    booking = make_appointment()
    assert delivery.claim(booking.pk, Kind.REMINDER, due_texts.compose_reminders) is None
    assert Message.objects.get(kind="reminder").status == "pending"


def test_text_waits_while_another_of_its_booking_is_with_twilio():
    booking = make_appointment()
    claim(booking)
    make_due(Message.objects.get(kind="reminder"))
    assert delivery.claim(booking.pk, Kind.REMINDER, due_texts.compose_reminders) is None


# --- The second look --------------------------------------------------------------------------------------


def test_phone_that_said_stop_is_left_alone_and_the_row_says_so(twilio):
    booking = make_appointment()
    opt_outs.record(str(booking.customer.phone_number), source="STOP")
    deliver_due()
    assert ledger_of(booking)[0] == ("confirmation", "skipped", "opted out")
    assert twilio.messages() == []


def test_stop_to_another_sender_does_not_count_here(twilio):
    booking = make_appointment()
    opt_outs.record(str(booking.customer.phone_number), source="STOP", sender="+447700900111")
    deliver_due()
    assert len(twilio.messages()) == 1


def test_text_to_be_sent_again_gives_way_to_a_newer_one_of_its_kind(twilio):
    booking = make_appointment()
    twilio.fault("429")
    deliver_due()
    booking.appointment_time += timedelta(hours=1)
    booking.save()
    row = Message.objects.filter(kind="confirmation").order_by("id")[0]
    assert row.status == "superseded"
    deliver_due()
    assert len(twilio.messages()) == 1


# --- What Twilio does ---------------------------------------------------------------------------------------


def test_accepted_text_bears_sid_segments_and_moment(twilio):
    make_appointment()
    deliver_due()
    row, (text,) = confirmation(), twilio.messages()
    assert (row.status, row.reason, row.sid, row.segments) == ("sent", "", text["sid"], text["segments"])
    assert (row.leased_until, row.error_code, row.trail) == (None, None, [])
    assert row.attempted_at <= row.sent_at <= database_now()


@pytest.mark.parametrize("code", [21211, 21614, 21617])
def test_refused_text_fails_with_twilios_code_and_is_not_tried_again(twilio, code):
    make_appointment()
    twilio.fault("error", code=code)
    deliver_due()
    deliver_due()
    row = confirmation()
    assert (row.status, row.error_code, row.attempts) == ("failed", code, 1)
    assert row.reason == f"Twilio answered HTTP 400, error {code}"
    assert [(entry["attempt"], entry["code"]) for entry in row.trail] == [(1, code)]
    assert twilio.messages() == []


def test_opt_out_that_only_twilio_knows_of_is_kept(twilio):
    booking = make_appointment()
    twilio.fault("error", code=21610)
    deliver_due()
    assert ledger_of(booking)[0] == ("confirmation", "skipped", "opted out")
    assert OptOut.objects.get().phone_number == str(booking.customer.phone_number)
    assert OptOut.objects.get().source == "21610"


@pytest.mark.parametrize(("kind", "options"), [("429", {"seconds": 0}), ("error", {"code": 21611})])
def test_text_not_processed_goes_out_after_a_backoff(twilio, kind, options):
    make_appointment()
    twilio.fault(kind, **options)
    deliver_due()
    row = confirmation()
    assert row.status == "pending"
    assert timedelta(0) < row.next_attempt_at - database_now() <= timedelta(seconds=1)
    deliver_due()
    assert confirmation().attempts == 1, "not before its backoff has passed"
    make_due(row)
    deliver_due()
    assert (confirmation().status, confirmation().attempts) == ("sent", 2)
    assert len(twilio.messages()) == 1


def test_retry_after_is_obeyed(twilio):
    make_appointment()
    twilio.fault("429", seconds=40)
    deliver_due()
    wait = confirmation().next_attempt_at - database_now()
    assert timedelta(seconds=38) < wait <= timedelta(seconds=40)


def test_twilio_that_cannot_be_reached_costs_no_text(settings, twilio):
    make_appointment()
    settings.TWILIO_BASE_URL = "http://127.0.0.1:9"
    delivery.transport._thread.__dict__.clear()
    deliver_due()
    delivery.transport._thread.__dict__.clear()
    row = confirmation()
    assert (row.status, row.reason) == ("pending", "Twilio cannot be reached")


@pytest.mark.parametrize(
    ("kind", "accepted"),
    [("500", 0), ("503_html", 0), ("refuse", 0), ("accept_then_drop", 1), ("no_sid", 1)],
)
def test_text_of_unknown_fate_is_not_sent_again_before_it_has_been_traced(twilio, kind, accepted):
    make_appointment()
    twilio.fault(kind)
    deliver_due()
    deliver_due()
    row = confirmation()
    assert (row.status, row.attempts) == ("unknown", 1)
    assert row.leased_until <= database_now()
    assert len(row.trail) == 1
    assert len(twilio.messages()) == accepted


def test_silence_leaves_the_fate_unknown(settings, twilio):
    settings.SMS_HTTP_TIMEOUT_SECONDS = 0.2
    delivery.transport._thread.__dict__.clear()
    make_appointment()
    twilio.fault("hang_after_accept", seconds=1)
    deliver_due()
    delivery.transport._thread.__dict__.clear()
    assert (confirmation().status, confirmation().reason) == ("unknown", "no answer from Twilio in time")


def test_worker_that_slept_past_its_deadline_sends_nothing(twilio):
    booking = make_appointment()
    claimed = claim(booking)
    with time_machine.travel(time.time(), tick=False) as clock:
        clock.shift(30)
        slept = delivery.Claim(**{**claimed.__dict__, "deadline": time.monotonic() - 0.001})
    with pytest.raises(delivery.NotProcessed, match="the claim had grown too old") as error:
        delivery.hand_over(slept)
    delivery.record_failure(slept, error.value)
    assert twilio.messages() == []
    assert confirmation().status == "pending"


def test_deadline_leaves_time_for_the_whole_request_before_the_lease_ends(settings):
    claimed = claim(make_appointment())
    room = settings.SMS_CLAIM_LEASE_SECONDS - 2 * settings.SMS_HTTP_TIMEOUT_SECONDS
    assert room - 1 < claimed.deadline - time.monotonic() <= room


def test_answer_that_comes_after_a_later_attempt_has_begun_changes_nothing():
    claimed = claim(make_appointment())
    Message.objects.update(attempts=2, status="pending")
    delivery.record_failure(claimed, delivery.Rejected("late", 21211))
    delivery.record_accepted(claimed, delivery.transport.Accepted("SM1", 1))
    row = confirmation()
    assert (row.status, row.sid, row.error_code, row.trail) == ("pending", "", None, [])


def test_text_not_processed_is_superseded_where_a_newer_one_was_planned_meanwhile():
    booking = make_appointment()
    claimed = claim(booking)
    booking.appointment_time += timedelta(hours=1)
    booking.save()
    delivery.record_failure(claimed, delivery.NotProcessed("busy"))
    assert [(status, reason) for kind, status, reason in ledger_of(booking) if kind == "confirmation"] == [
        ("superseded", "a newer text took its place"),
        ("pending", ""),
    ]


def test_backoff_doubles_with_jitter_up_to_twenty_seconds():
    for attempt, ceiling in [(1, 1), (2, 2), (3, 4), (5, 16), (6, 20), (50, 20)]:
        waits = {delivery.backoff_seconds(attempt) for _ in range(200)}
        assert ceiling / 2 <= min(waits) < max(waits) <= ceiling
        assert len(waits) > 100


# --- A sender that Twilio will not serve ---------------------------------------------------------------------


def test_refused_sender_stops_with_one_hold_and_every_text_waits(twilio):
    for _ in range(3):
        make_appointment()
    twilio.fault("error", code=20003, status=401, count=1)
    deliver_due()
    assert set(Message.objects.filter(kind="confirmation").values_list("status", flat=True)) == {"pending"}
    hold = SenderHold.objects.get()
    assert (hold.error_code, hold.probe_id) == (20003, None)
    assert sorted(Message.objects.filter(kind="confirmation").values_list("attempts", flat=True)) == [0, 0, 1]
    assert twilio.messages() == []


def test_probe_that_twilio_takes_lifts_the_hold(twilio):
    first, second = make_appointment(), make_appointment()
    twilio.fault("error", code=20003, status=401, count=1)
    deliver_due()
    SenderHold.objects.update(probe_at=database_now())
    holds.choose_probe()
    hold = SenderHold.objects.get()
    assert hold.probe_id in Message.objects.filter(kind="confirmation").values_list("pk", flat=True)
    deliver_due()
    assert not SenderHold.objects.exists()
    deliver_due()
    assert {row[1] for booking in (first, second) for row in ledger_of(booking) if row[0] == "confirmation"} == {"sent"}
    assert len(twilio.messages()) == 2


def test_probe_that_is_refused_too_leaves_the_hold_for_another_while(twilio):
    make_appointment()
    twilio.fault("error", code=20003, status=401, count=2)
    deliver_due()
    since = SenderHold.objects.get().since
    SenderHold.objects.update(probe_at=database_now())
    holds.choose_probe()
    deliver_due()
    hold = SenderHold.objects.get()
    assert hold.since == since
    assert hold.probe_at > database_now() + timedelta(seconds=10)
    assert twilio.messages() == []


def test_refused_probe_gives_way_to_another_text_however_soon_it_is_tried_again(twilio):
    for _ in range(3):
        make_appointment()
    twilio.fault("error", code=20003, status=401, probability=1.0)
    deliver_due()
    probes = []
    for _ in range(3):
        let_time_pass(timedelta(seconds=20))
        SenderHold.objects.update(probe_at=database_now())
        holds.choose_probe()
        probes.append(SenderHold.objects.get().probe_id)
        deliver_due()
        assert SenderHold.objects.get().probe_id is None, "its next attempt would push the next probe away"
    assert len(set(probes)) == 3
    assert Message.objects.filter(status="sent").count() == 0


def test_probe_is_not_chosen_before_its_time_nor_among_texts_that_come_too_late():
    make_appointment()
    holds.place(delivery.SenderBlocked("HTTP 401", 20003))
    holds.choose_probe()
    assert SenderHold.objects.get().probe_id is None
    let_time_pass(timedelta(hours=25))
    SenderHold.objects.update(probe_at=database_now())
    holds.choose_probe()
    assert SenderHold.objects.get().probe_id is None


def test_hold_on_another_sender_stops_nothing_here(settings, twilio):
    make_appointment()
    settings.TWILIO_PHONE_NUMBER = "+447700900111"
    holds.place(delivery.SenderBlocked("HTTP 401", 20003))
    settings.TWILIO_PHONE_NUMBER = "+447700900000"
    deliver_due()
    assert len(twilio.messages()) == 1


# --- A text that only a person can help ----------------------------------------------------------------------


@pytest.mark.parametrize("code", [21408, 21608, 21612])
def test_text_refused_for_its_destination_waits_and_stops_nobody_else(twilio, code):
    refused = make_appointment()
    others = [make_appointment() for _ in range(5)]
    twilio.fault("error", code=code, to=str(refused.customer.phone_number), probability=1.0)
    deliver_due()
    assert not SenderHold.objects.exists()
    assert [ledger_of(booking)[0][1] for booking in others] == ["sent"] * 5
    row = Message.objects.get(booking_id=refused.pk, kind="confirmation")
    assert (row.status, row.error_code, row.leased_until) == ("pending", code, None)
    assert row.next_attempt_at >= database_now() + timedelta(seconds=14)


def test_text_refused_for_its_destination_goes_out_by_itself_when_that_is_put_right(twilio):
    make_appointment()
    twilio.fault("error", code=21408, count=1)
    deliver_due()
    make_due(confirmation())
    deliver_due()
    assert (confirmation().status, confirmation().reason) == ("sent", "")
    assert holds.blocked_texts() == {}


def test_texts_that_run_into_the_same_refusal_raise_one_alert(twilio, caplog):
    for _ in range(3):
        make_appointment()
    twilio.fault("error", code=21408, probability=1.0)
    deliver_due()
    for message in Message.objects.filter(kind="confirmation"):
        make_due(message)
    deliver_due()
    assert holds.blocked_texts() == {21408: 3}
    alerts = [record for record in caplog.records if "text_needs_a_person" in str(record.msg)]
    assert [record.levelname for record in alerts] == ["ERROR"]


def test_patience_doubles_from_half_a_minute_to_an_hour():
    for attempt, ceiling in [(1, 30), (2, 60), (5, 480), (8, 3600), (500, 3600)]:
        waits = {delivery.patience_seconds(attempt) for _ in range(200)}
        assert ceiling / 2 <= min(waits) < max(waits) <= ceiling


# --- Logs ---------------------------------------------------------------------------------------------------


def test_log_lines_name_booking_and_message_and_no_number_or_words(twilio, caplog):
    booking = make_appointment(salon=make_salon(name="Confidential Cuts"))
    twilio.fault("500")
    deliver_due()
    let_time_pass(timedelta(hours=23, minutes=30))
    deliver_due()
    written = " ".join(str(record.msg) for record in caplog.records) + caplog.text
    assert f"'booking_id': {booking.pk}" in written
    assert "'message_id'" in written
    assert str(booking.customer.phone_number)[3:] not in written
    assert "Confidential" not in written
    assert "Lovelace" not in written


def test_no_transaction_is_open_while_twilio_is_asked(monkeypatch, transactional_db, queues):
    booking = make_appointment()
    seen = []

    def send(outgoing):
        seen.append((connection.in_atomic_block, confirmation().status))
        return delivery.transport.Accepted("SM" + "0" * 32, 1)

    monkeypatch.setattr(delivery.transport, "send", send)
    due_texts.deliver_confirmation(booking.pk)
    assert seen == [(False, "sending")]
