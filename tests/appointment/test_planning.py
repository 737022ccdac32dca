"""Planning what was written past the hooks, and the second look at a booking before its text goes out."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import F

from appointment import planning
from appointment.models import Appointment
from customer.models import Customer
from sms import opt_outs
from sms.models import Message
from tests.delivering import deliver_due, ledger_of, let_time_pass, make_due
from tests.factories import hours_ahead, make_appointment, make_customer, make_salon, make_user

pytestmark = pytest.mark.django_db


def imported(count=1, **fields):
    """Bookings written by `bulk_create`, past the hooks."""
    salon = fields.pop("salon", None) or make_salon()
    people = {"user": make_user(salon), "customer": make_customer(salon)}
    rows = [
        Appointment(**{"salon": salon, "appointment_time": hours_ahead(24), **people, **fields}) for _ in range(count)
    ]
    return Appointment.objects.bulk_create(rows)


def execute(sql, *parameters):
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)


# --- The sweep ----------------------------------------------------------------------------------------


def test_booking_sends_one_confirmation_at_once(twilio):
    booking = make_appointment()
    deliver_due()
    deliver_due()
    (text,) = twilio.messages()
    assert text["to"] == str(booking.customer.phone_number)
    assert Message.objects.get(kind="confirmation").status == "sent"


def test_imported_bookings_get_their_reminder_and_no_confirmation():
    (booking,) = imported()
    assert planning.plan_unplanned() == 1
    assert ledger_of(booking) == [("reminder", "pending", "")]
    booking.refresh_from_db()
    assert booking.task_id == str(Message.objects.get().pk)
    assert planning.plan_unplanned() == 0


def test_imported_booking_inside_the_window_says_why_it_has_no_reminder():
    (booking,) = imported(appointment_time=hours_ahead(0.5))
    planning.plan_unplanned()
    assert ledger_of(booking) == [("reminder", "skipped", "booked inside the reminder window")]


def test_imported_past_and_cancelled_bookings_plan_nothing_and_are_looked_at_once():
    imported(appointment_time=hours_ahead(-5))
    imported(status="cancelled")
    assert planning.plan_unplanned() == 1
    assert planning.plan_unplanned() == 0
    assert Message.objects.count() == 0


def test_booking_moved_by_update_is_planned_anew_and_the_customer_told():
    booking = make_appointment()
    Appointment.objects.update(appointment_time=F("appointment_time") + timedelta(hours=3))
    assert planning.plan_unplanned() == 1
    assert ledger_of(booking) == [
        ("confirmation", "superseded", "the visit was moved"),
        ("reminder", "superseded", "the visit was moved"),
        ("confirmation", "pending", ""),
        ("reminder", "pending", ""),
    ]
    booking.refresh_from_db()
    assert Message.objects.filter(status="pending", visit_at=booking.appointment_time).count() == 2


def test_booking_cancelled_by_sql_is_closed_and_the_customer_told():
    booking = make_appointment()
    execute("UPDATE appointment_appointment SET status = 'cancelled' WHERE id = %s", booking.pk)
    assert planning.plan_unplanned() == 1
    assert ledger_of(booking) == [
        ("confirmation", "cancelled", "the visit was cancelled"),
        ("reminder", "cancelled", "the visit was cancelled"),
        ("cancellation", "pending", ""),
    ]
    assert planning.plan_unplanned() == 0


def test_booking_whose_plan_was_forgotten_by_sql_is_planned_again_without_a_second_reminder():
    booking = make_appointment()
    execute("UPDATE appointment_appointment SET texts_planned_for = NULL WHERE id = %s", booking.pk)
    assert planning.plan_unplanned() == 1
    assert planning.plan_unplanned() == 0
    waiting = [kind for kind, status, _ in ledger_of(booking) if status == "pending"]
    assert waiting == ["reminder"]


def test_booking_that_cannot_be_planned_does_not_keep_others_from_it(monkeypatch):
    poisoned, healthy = imported(), imported()
    plan_reminder = planning.ledger.plan_reminder

    def fails_for_one(visit, *arguments):
        if visit.booking_id == poisoned[0].pk:
            execute("SELECT 1 / 0")
        return plan_reminder(visit, *arguments)

    monkeypatch.setattr(planning.ledger, "plan_reminder", fails_for_one)
    planning.plan_unplanned()
    assert ledger_of(poisoned[0]) == []
    assert ledger_of(healthy[0]) == [("reminder", "pending", "")]


def test_imported_customer_with_an_unusable_number_keeps_nobody_else_from_a_reminder(twilio):
    (broken,) = imported()
    Customer.objects.filter(pk=broken.customer_id).update(phone_number="ring the shop and ask for Josephine please")
    (healthy,) = imported()
    assert planning.plan_unplanned() == 2
    assert ledger_of(healthy) == [("reminder", "pending", "")]
    make_due(Message.objects.get(booking=broken))
    deliver_due()
    assert ledger_of(broken) == [("reminder", "failed", "the customer has no usable phone number")]
    assert twilio.messages() == []


@pytest.mark.parametrize("stored", ["07400123999", "+44 7400 123999", "+4407400123999"])
def test_number_written_otherwise_by_sql_is_texted_and_its_stop_is_heeded(twilio, stored):
    booking = make_appointment()
    execute("UPDATE customer_customer SET phone_number = %s WHERE id = %s", stored, booking.customer_id)
    deliver_due()
    assert [text["to"] for text in twilio.messages()] == ["+447400123999"]
    opt_outs.record("+447400123999", source="test")
    make_due(Message.objects.get(kind="reminder"))
    deliver_due()
    assert ledger_of(booking)[-1][:2] == ("reminder", "skipped")


def test_sweep_takes_no_more_than_its_limit_at_once():
    imported(5)
    assert [planning.plan_unplanned(limit=2) for _ in range(4)] == [2, 2, 1, 0]


def test_look_for_unplanned_bookings_reads_the_partial_index_alone():
    imported(3)
    execute("SET LOCAL enable_seqscan = off")
    plan = Appointment.objects.with_unplanned_texts().order_by("id")[:500].explain()
    assert "appointment_unplanned" in plan


# --- The second look ------------------------------------------------------------------------------------


def test_text_goes_to_the_number_that_the_customer_has_when_it_goes(twilio):
    booking = make_appointment()
    Customer.objects.filter(pk=booking.customer_id).update(phone_number="+447400999999", full_name="Grace")
    deliver_due()
    (text,) = twilio.messages()
    assert text["to"] == "+447400999999"
    assert text["body"].startswith("Hi Grace, ")
    assert Message.objects.get(kind="confirmation").to == "+447400999999"


@pytest.mark.parametrize(
    ("sql", "status", "reason"),
    [
        ("UPDATE appointment_appointment SET status = 'cancelled'", "cancelled", "the visit was cancelled"),
        ("UPDATE appointment_appointment SET status = 'completed'", "cancelled", "the visit is over"),
        ("UPDATE appointment_appointment SET status = 'no_show'", "cancelled", "the visit is over"),
        ("DELETE FROM appointment_appointment", "cancelled", "the booking was deleted"),
        (
            "UPDATE appointment_appointment SET appointment_time = appointment_time + interval '1 hour'",
            "superseded",
            "the visit was moved",
        ),
    ],
)
def test_change_that_no_hook_saw_is_seen_before_the_text_goes_out(twilio, sql, status, reason):
    booking = make_appointment()
    execute(sql)
    make_due(Message.objects.get(kind="reminder"))
    deliver_due()
    assert ledger_of(booking.pk) == [("confirmation", status, reason), ("reminder", status, reason)]
    assert twilio.messages() == []


def test_text_whose_visit_has_begun_expires(twilio):
    booking = make_appointment()
    let_time_pass(timedelta(hours=24, seconds=1))
    deliver_due()
    assert ledger_of(booking) == [
        ("confirmation", "expired", "too late to help"),
        ("reminder", "expired", "too late to help"),
    ]
    assert twilio.messages() == []


def test_after_an_outage_one_text_of_each_kind_goes_out_while_it_helps(twilio):
    booking = make_appointment(appointment_time=hours_ahead(24))
    let_time_pass(timedelta(hours=23, minutes=50))
    deliver_due()
    deliver_due()
    assert ["coming up" in text["body"] for text in twilio.messages()] == [False, True]
    assert {status for _, status, _ in ledger_of(booking)} == {"sent"}


def test_cancellation_of_a_booking_deleted_since_is_sent_in_the_words_fixed_then(twilio):
    booking = make_appointment(salon=make_salon(timezone="America/New_York"))
    starts_at, booking_id = booking.appointment_time, booking.pk
    booking.salon.delete()
    deliver_due()
    (text,) = twilio.messages()
    local = planning.texts.arrow.get(starts_at).to("America/New_York").format("YYYY-MM-DD h:mm A")
    assert text["body"] == (
        f"Hi, We regret to inform you that your scheduled appointment for {local} has been cancelled."
    )
    assert ledger_of(booking_id)[-1] == ("cancellation", "sent", "")
