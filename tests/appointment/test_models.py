"""The hooks: whoever saves or deletes a booking, by whatever door, gets the texts it calls for."""

from __future__ import annotations

from copy import copy
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import IntegrityError, connection, transaction

from appointment import planning
from appointment.models import Appointment
from sms.models import Message
from tests.delivering import deliver_due, ledger_of, let_time_pass
from tests.factories import hours_ahead, make_appointment, make_customer, make_salon, make_user

pytestmark = pytest.mark.django_db

LONDON = ZoneInfo("Europe/London")
PENDING_PAIR = [("confirmation", "pending", ""), ("reminder", "pending", "")]


def reminder_of(booking, status="pending"):
    return Message.objects.get(booking_id=booking.pk, kind="reminder", status=status)


# --- Booking ------------------------------------------------------------------------------------------


def test_booking_plans_a_confirmation_now_and_a_reminder_at_the_salons_minutes():
    booking = make_appointment(salon=make_salon(reminder_time_minutes=90), appointment_time=hours_ahead(24))
    assert ledger_of(booking) == PENDING_PAIR
    confirmation, reminder = Message.objects.order_by("id")
    assert abs(confirmation.due_at - confirmation.created_at) < timedelta(milliseconds=1)
    assert reminder.due_at == booking.appointment_time - timedelta(minutes=90)
    assert reminder.next_attempt_at == reminder.due_at
    assert {confirmation.expires_at, reminder.expires_at} == {booking.appointment_time}
    assert {m.visit_at for m in (confirmation, reminder)} == {booking.appointment_time}
    assert {m.to for m in (confirmation, reminder)} == {str(booking.customer.phone_number)}
    assert {(m.salon_id, m.customer_id) for m in (confirmation, reminder)} == {(booking.salon_id, booking.customer_id)}


def test_task_id_names_the_pending_reminder():
    booking = make_appointment()
    assert booking.task_id == str(reminder_of(booking).pk)
    booking.refresh_from_db()
    assert booking.task_id == str(reminder_of(booking).pk)


def test_minutes_of_zero_remind_at_the_visit_with_a_minute_to_go_out_in():
    booking = make_appointment(salon=make_salon(reminder_time_minutes=0))
    reminder = reminder_of(booking)
    assert reminder.due_at == booking.appointment_time
    assert reminder.expires_at == booking.appointment_time + timedelta(minutes=1)


def test_booking_inside_the_window_confirms_only_and_says_why_there_is_no_reminder():
    booking = make_appointment(salon=make_salon(reminder_time_minutes=120), appointment_time=hours_ahead(1))
    assert ledger_of(booking) == [
        ("confirmation", "pending", ""),
        ("reminder", "skipped", "booked inside the reminder window"),
    ]
    assert booking.task_id == ""


def test_booking_in_the_past_plans_nothing():
    booking = make_appointment(appointment_time=hours_ahead(-1))
    assert ledger_of(booking) == []
    assert booking.task_id == ""
    assert Appointment.objects.with_unplanned_texts().count() == 0


def test_booking_made_as_cancelled_plans_nothing():
    assert ledger_of(make_appointment(status="cancelled")) == []


def test_day_before_a_visit_on_the_night_when_the_clocks_change_is_24_hours():
    """Its time is in the zone of a clock; between the two, an hour of the clock is not an hour."""
    on_the_clock = datetime(2030, 3, 31, 9, tzinfo=LONDON)
    booking = make_appointment(salon=make_salon(reminder_time_minutes=1440), appointment_time=on_the_clock)
    assert reminder_of(booking).due_at == datetime(2030, 3, 30, 8, tzinfo=UTC)


def test_saving_anew_a_visit_in_the_hour_that_the_clock_shows_twice_plans_nothing():
    """A time in that hour equals no time in another zone, not even itself (PEP 495)."""
    booking = make_appointment(appointment_time=datetime(2030, 10, 27, 1, 30, tzinfo=LONDON))
    before = ledger_of(booking)
    booking.comment = "window seat"
    booking.save()
    assert ledger_of(booking) == before == PENDING_PAIR


def test_times_given_as_strings_are_planned_as_the_moments_they_mean():
    starts_at = hours_ahead(24)
    booking = make_appointment(appointment_time=starts_at.isoformat())
    assert reminder_of(booking).due_at == starts_at - timedelta(minutes=60)


def test_minutes_of_a_salon_object_that_is_out_of_date_do_not_count():
    salon = make_salon(reminder_time_minutes=60)
    type(salon).objects.filter(pk=salon.pk).update(reminder_time_minutes=30)
    booking = make_appointment(salon=salon)
    assert reminder_of(booking).due_at == booking.appointment_time - timedelta(minutes=30)


# --- Saving again -------------------------------------------------------------------------------------


@pytest.mark.parametrize("change", [{"comment": "fringe"}, {"column_id": 2}, {"end_time": hours_ahead(30)}])
def test_save_that_changes_no_time_plans_and_moves_nothing(change):
    booking = make_appointment()
    before = list(Message.objects.order_by("id").values())
    for name, value in change.items():
        setattr(booking, name, value)
    booking.save()
    assert list(Message.objects.order_by("id").values()) == before


def test_moved_booking_supersedes_what_waits_and_plans_anew():
    booking = make_appointment()
    first_task = booking.task_id
    booking.appointment_time += timedelta(hours=2)
    booking.save()
    assert ledger_of(booking) == [
        ("confirmation", "superseded", "the visit was moved"),
        ("reminder", "superseded", "the visit was moved"),
        *PENDING_PAIR,
    ]
    assert booking.task_id == str(reminder_of(booking).pk) != first_task
    assert reminder_of(booking).due_at == booking.appointment_time - timedelta(minutes=60)


def test_moved_booking_sends_a_second_confirmation_and_one_reminder_only(twilio):
    booking = make_appointment(appointment_time=hours_ahead(24))
    deliver_due()
    booking.appointment_time += timedelta(hours=2)
    booking.save()
    deliver_due()
    let_time_pass(timedelta(hours=25, minutes=30))
    deliver_due()
    assert ["confirmed" in text["body"] for text in twilio.messages()] == [True, True, False]
    assert ledger_of(booking) == [
        ("confirmation", "sent", ""),
        ("reminder", "superseded", "the visit was moved"),
        ("confirmation", "sent", ""),
        ("reminder", "sent", ""),
    ]


def test_move_into_the_past_withdraws_what_waits_and_plans_nothing():
    booking = make_appointment()
    booking.appointment_time = hours_ahead(-2)
    booking.save()
    assert {status for _, status, _ in ledger_of(booking)} == {"superseded"}
    assert booking.task_id == ""


def test_saving_only_some_fields_plans_only_what_reached_the_database():
    booking = make_appointment()
    booking.appointment_time += timedelta(hours=2)
    booking.save(update_fields=["comment"])
    assert ledger_of(booking) == PENDING_PAIR
    booking.save(update_fields=["appointment_time"])
    assert len(ledger_of(booking)) == 4
    assert reminder_of(booking).visit_at == booking.appointment_time


def test_save_of_an_object_read_before_a_move_plans_the_time_that_it_writes_back():
    booking = make_appointment()
    stale = Appointment.objects.get(pk=booking.pk)
    booking.appointment_time += timedelta(hours=2)
    booking.save()
    stale.comment = "written by somebody who had not seen the move"
    stale.save()
    assert reminder_of(booking).visit_at == stale.appointment_time
    assert stale.task_id == str(reminder_of(booking).pk)


def test_save_of_an_object_read_before_a_cancellation_plans_the_visit_again():
    booking = make_appointment()
    stale = Appointment.objects.get(pk=booking.pk)
    booking.status = "cancelled"
    booking.save()
    stale.save()
    assert reminder_of(booking).visit_at == stale.appointment_time


def test_copy_of_a_booking_gets_texts_of_its_own():
    booking = make_appointment()
    again = copy(booking)
    again.pk = None
    again._state = type(booking._state)()
    again.save()
    assert ledger_of(again) == PENDING_PAIR
    assert again.task_id == str(reminder_of(again).pk) != booking.task_id


def test_booking_rebuilt_under_its_own_key_keeps_one_reminder():
    booking = make_appointment()
    rebuilt = Appointment(
        pk=booking.pk,
        salon=booking.salon,
        user=booking.user,
        customer=booking.customer,
        appointment_time=booking.appointment_time,
        created=booking.created,
    )
    rebuilt.save()
    assert ledger_of(booking) == PENDING_PAIR
    assert rebuilt.task_id == booking.task_id


def test_booking_given_to_another_customer_tells_both_and_reminds_the_new_one():
    booking = make_appointment()
    old, new = booking.customer, make_customer(booking.salon)
    booking.customer = new
    booking.save()
    assert ledger_of(booking) == [
        ("confirmation", "superseded", "the visit was given to another customer"),
        ("reminder", "superseded", "the visit was given to another customer"),
        ("cancellation", "pending", ""),
        *PENDING_PAIR,
    ]
    to = {m.kind: m.to for m in Message.objects.filter(status="pending")}
    assert to == {
        "cancellation": str(old.phone_number),
        "confirmation": str(new.phone_number),
        "reminder": str(new.phone_number),
    }


def waiting_cancellations():
    return {m.to for m in Message.objects.filter(status="pending", kind="cancellation")}


def test_customer_who_lost_a_visit_is_told_though_it_is_moved_before_the_text_went_out():
    booking = make_appointment()
    former = booking.customer
    booking.customer = make_customer(booking.salon)
    booking.save()
    booking.appointment_time += timedelta(hours=1)
    booking.save()
    assert waiting_cancellations() == {str(former.phone_number)}


def test_each_customer_who_lost_a_visit_is_told_but_for_one_who_got_it_back():
    booking = make_appointment()
    first, second, third = booking.customer, make_customer(booking.salon), make_customer(booking.salon)
    for customer in (second, third):
        booking.customer = customer
        booking.save()
    assert waiting_cancellations() == {str(first.phone_number), str(second.phone_number)}
    booking.customer = first
    booking.save()
    assert waiting_cancellations() == {str(second.phone_number), str(third.phone_number)}


def test_booking_moved_to_another_salon_is_confirmed_there_with_that_salons_minutes():
    booking = make_appointment()
    elsewhere = make_salon(name="Elsewhere", reminder_time_minutes=15)
    booking.salon = elsewhere
    booking.save()
    assert reminder_of(booking).due_at == booking.appointment_time - timedelta(minutes=15)
    assert {m.salon_id for m in Message.objects.filter(status="pending")} == {elsewhere.pk}


# --- Ways out -----------------------------------------------------------------------------------------


def cancel_by_status(booking):
    booking.status = "cancelled"
    booking.save()


def test_cancelled_by_status_withdraws_what_waits_and_tells_the_customer():
    booking = make_appointment()
    cancel_by_status(booking)
    assert ledger_of(booking) == [
        ("confirmation", "cancelled", "the visit was cancelled"),
        ("reminder", "cancelled", "the visit was cancelled"),
        ("cancellation", "pending", ""),
    ]
    assert booking.task_id == ""
    cancel_by_status(booking)
    assert len(ledger_of(booking)) == 3


@pytest.mark.parametrize("status", ["completed", "no_show"])
def test_visit_that_is_over_owes_nothing_more(status):
    booking = make_appointment()
    booking.status = status
    booking.save()
    assert ledger_of(booking) == [
        ("confirmation", "cancelled", "the visit is over"),
        ("reminder", "cancelled", "the visit is over"),
    ]
    assert booking.task_id == ""


def test_cancelling_a_past_visit_tells_nobody():
    booking = make_appointment()
    let_time_pass(timedelta(hours=25))
    booking.refresh_from_db()
    cancel_by_status(booking)
    assert "cancellation" not in {kind for kind, _, _ in ledger_of(booking)}


def test_cancelled_and_moved_at_once_speaks_of_the_time_the_customer_knew():
    booking = make_appointment()
    known = booking.appointment_time
    booking.status = "cancelled"
    booking.appointment_time += timedelta(days=3)
    booking.save()
    assert Message.objects.get(kind="cancellation").visit_at == known


def test_rebooked_visit_is_confirmed_again_and_reminded_once():
    booking = make_appointment()
    cancel_by_status(booking)
    booking.status = "booked"
    booking.save()
    waiting = [kind for kind, status, _ in ledger_of(booking) if status == "pending"]
    assert waiting.count("confirmation") == waiting.count("reminder") == 1
    assert booking.task_id == str(reminder_of(booking).pk)


def test_cancellation_still_waiting_when_the_visit_is_booked_again_is_never_sent(twilio):
    booking = make_appointment()
    deliver_due()
    cancel_by_status(booking)
    booking.status = "booked"
    booking.save()
    deliver_due()
    assert ["confirmed" in text["body"] for text in twilio.messages()] == [True, True]
    assert Message.objects.get(kind="cancellation").status == "superseded"


def test_cancelled_booked_again_and_cancelled_ends_with_one_cancellation_waiting():
    booking = make_appointment()
    for status in ("cancelled", "booked", "cancelled"):
        booking.status = status
        booking.save()
    waiting = [kind for kind, status, _ in ledger_of(booking) if status == "pending"]
    assert waiting == ["cancellation"]


def by_delete(booking):
    booking.delete()


def by_queryset(booking):
    Appointment.objects.filter(pk=booking.pk).delete()


def by_customer(booking):
    booking.customer.delete()


def by_user(booking):
    booking.user.delete()


def by_salon(booking):
    booking.salon.delete()


def by_queryset_of_salons(booking):
    type(booking.salon).objects.filter(pk=booking.salon_id).delete()


EVERY_DOOR = [by_delete, by_queryset, by_customer, by_user, by_salon, by_queryset_of_salons]


@pytest.mark.parametrize("delete", EVERY_DOOR)
def test_deleted_by_any_door_cancels_the_reminder_and_tells_the_customer(twilio, delete):
    booking = make_appointment()
    booking_id, to = booking.pk, str(booking.customer.phone_number)
    deliver_due()
    delete(booking)
    assert not Appointment.objects.exists()
    assert ledger_of(booking_id) == [
        ("confirmation", "sent", ""),
        ("reminder", "cancelled", "the booking was deleted"),
        ("cancellation", "pending", ""),
    ]
    deliver_due()
    deliver_due()
    _, cancelled = twilio.messages()
    assert cancelled["to"] == to
    assert cancelled["body"].endswith("has been cancelled.")


@pytest.mark.parametrize("delete", EVERY_DOOR)
def test_past_visit_deleted_by_any_door_tells_nobody(delete):
    booking = make_appointment()
    booking_id = booking.pk
    let_time_pass(timedelta(hours=25))
    delete(Appointment.objects.select_related("salon", "customer", "user").get())
    assert [kind for kind, status, _ in ledger_of(booking_id) if status == "pending"] == []


def test_cancelled_visit_deleted_afterwards_tells_the_customer_once():
    booking = make_appointment()
    booking_id = booking.pk
    cancel_by_status(booking)
    booking.delete()
    assert [kind for kind, status, _ in ledger_of(booking_id) if status == "pending"] == ["cancellation"]


def test_deleting_a_salon_tells_every_customer_once():
    salon = make_salon()
    bookings = [make_appointment(salon=salon).pk for _ in range(5)]
    make_appointment()
    salon.delete()
    assert Message.objects.filter(kind="cancellation", booking_id__in=bookings).count() == 5
    assert Message.objects.filter(kind="cancellation").count() == 5


# --- Together or not at all ---------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_rolled_back_booking_leaves_no_text_and_nudges_nobody(queues):
    with transaction.atomic():
        make_appointment()
        transaction.set_rollback(True)
    assert Message.objects.count() == Appointment.objects.count() == 0
    assert queues.queue_length("sms.now") == 0


@pytest.mark.django_db(transaction=True)
def test_booking_nudges_a_worker_once_after_the_commit_and_not_before(queues):
    with transaction.atomic():
        make_appointment()
        assert queues.queue_length("sms.now") == 0
    assert queues.queue_length("sms.now") == 1
    assert queues.queue_length("sms.reminders") == 0


def test_database_refuses_a_second_waiting_reminder():
    booking = make_appointment()
    reminder = reminder_of(booking)
    reminder.pk = None
    with pytest.raises(IntegrityError, match="sms_one_pending_per_kind"):
        reminder.save(force_insert=True)


def test_database_refuses_a_visit_that_ends_before_it_begins():
    with pytest.raises(IntegrityError, match="appointment_ends_after_it_begins"):
        make_appointment(end_time=hours_ahead(23))


# --- The named methods --------------------------------------------------------------------------------


def test_send_confirmation_sms_replaces_one_still_waiting():
    booking = make_appointment()
    booking.send_confirmation_sms()
    assert ledger_of(booking) == [
        ("confirmation", "superseded", "planned anew"),
        ("reminder", "pending", ""),
        ("confirmation", "pending", ""),
    ]


def test_schedule_reminder_sms_replaces_one_still_waiting_and_names_it():
    booking = make_appointment()
    booking.schedule_reminder_sms()
    assert ledger_of(booking) == [
        ("confirmation", "pending", ""),
        ("reminder", "superseded", "planned anew"),
        ("reminder", "pending", ""),
    ]
    assert booking.task_id == str(reminder_of(booking).pk)


def test_cancel_task_withdraws_the_reminder_alone():
    booking = make_appointment()
    booking.cancel_task()
    assert [(kind, status) for kind, status, _ in ledger_of(booking)] == [
        ("confirmation", "pending"),
        ("reminder", "cancelled"),
    ]
    booking.refresh_from_db()
    assert booking.task_id == ""
    assert planning.plan_unplanned() == 0


def test_named_methods_plan_nothing_for_a_visit_that_is_cancelled():
    booking = make_appointment()
    cancel_by_status(booking)
    before = ledger_of(booking)
    booking.send_confirmation_sms()
    booking.schedule_reminder_sms()
    assert ledger_of(booking) == before
    assert planning.plan_unplanned() == 0


def test_confirmation_sent_by_hand_for_an_imported_booking_does_not_break_its_next_save():
    Appointment.objects.bulk_create([unsaved()])
    booking = Appointment.objects.get()
    booking.send_confirmation_sms()
    booking.save()
    waiting = [kind for kind, status, _ in ledger_of(booking) if status == "pending"]
    assert sorted(waiting) == ["confirmation", "reminder"]


def unsaved(**fields):
    salon = fields.pop("salon", None) or make_salon()
    return Appointment(
        salon=salon,
        user=make_user(salon),
        customer=make_customer(salon),
        **{"appointment_time": hours_ahead(24), **fields},
    )


def test_saving_costs_the_same_few_queries_whatever_the_ledger_holds(django_assert_num_queries):
    booking = make_appointment()
    for _ in range(3):
        make_appointment(salon=booking.salon, customer=booking.customer)
    booking.comment = "no change of time"
    with django_assert_num_queries(3):
        booking.save()
    booking.appointment_time += timedelta(hours=1)
    with django_assert_num_queries(7):
        booking.save()
    assert connection.in_atomic_block
