"""What two people, or a person and a worker, do to one booking at the same moment."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection, transaction

from appointment import planning, services
from appointment.models import Appointment
from salon.models import Salon
from sms.models import Message
from tests.delivering import deliver_due, ledger_of
from tests.factories import hours_ahead, make_appointment, make_salon
from tests.racing import in_thread, race, wait_for_lock

pytestmark = pytest.mark.django_db(transaction=True)


def set_minutes(salon, minutes):
    fresh = Salon.objects.get(pk=salon.pk)
    fresh.reminder_time_minutes = minutes
    fresh.save()


def due_before_visit(booking):
    reminder = Message.objects.get(booking=booking, kind="reminder", status="pending")
    return reminder.visit_at - reminder.due_at


def test_booking_made_while_the_minutes_change_waits_and_gets_the_new_ones(queues):
    salon = make_salon(reminder_time_minutes=60)
    with transaction.atomic():
        set_minutes(salon, 30)
        booked = in_thread(lambda: make_appointment(salon=Salon.objects.get(pk=salon.pk)))
        wait_for_lock()
    assert due_before_visit(booked.result(10)) == timedelta(minutes=30)


def test_minutes_changed_while_a_booking_is_made_move_its_reminder_too(queues):
    salon = make_salon(reminder_time_minutes=60)
    with transaction.atomic():
        booking = make_appointment(salon=salon)
        changed = in_thread(lambda: set_minutes(salon, 30))
        wait_for_lock()
    changed.result(10)
    assert due_before_visit(booking) == timedelta(minutes=30)


def test_booking_moved_while_the_minutes_change_neither_deadlocks_nor_keeps_the_old_ones(queues):
    booking = make_appointment()
    with transaction.atomic():
        with connection.cursor() as cursor:  # what Salon.save() does first …
            cursor.execute("UPDATE salon_salon SET reminder_time_minutes = 30 WHERE id = %s", [booking.salon_id])
        booking.appointment_time += timedelta(hours=1)
        moved = in_thread(booking.save)
        wait_for_lock()
        set_minutes(booking.salon, 30)  # … and then
    moved.result(10)
    assert due_before_visit(booking) == timedelta(minutes=30)


def test_many_bookings_and_many_changes_of_minutes_end_in_agreement(queues):
    salon = make_salon(reminder_time_minutes=60)
    bookings = [make_appointment(salon=salon) for _ in range(4)]

    def move(booking):
        for hours in range(1, 6):
            services.change(booking.pk, appointment_time=hours_ahead(24 + hours))

    def change_minutes():
        for minutes in (10, 20, 30, 40, 50):
            set_minutes(salon, minutes)

    race(*[lambda booking=booking: move(booking) for booking in bookings], change_minutes, change_minutes)
    final = timedelta(minutes=Salon.objects.get(pk=salon.pk).reminder_time_minutes)
    assert [due_before_visit(booking) for booking in bookings] == [final] * 4


def test_one_save_after_the_other_when_two_move_one_booking_at_once(queues):
    booking = make_appointment()
    times = [hours_ahead(30), hours_ahead(40)]
    race(*[lambda time=time: services.change(booking.pk, appointment_time=time) for time in times])
    booking.refresh_from_db()
    waiting = Message.objects.filter(booking=booking, status="pending")
    assert {m.kind: m.visit_at for m in waiting} == {
        "confirmation": booking.appointment_time,
        "reminder": booking.appointment_time,
    }
    assert Message.objects.filter(booking=booking).count() == 6


def test_two_deletions_of_one_booking_tell_the_customer_once(queues):
    booking = make_appointment()
    booking_id = booking.pk
    race(*[lambda: Appointment.objects.get(pk=booking_id).delete() if exists(booking_id) else None] * 4)
    assert [kind for kind, status, _ in ledger_of(booking_id) if status == "pending"] == ["cancellation"]


def exists(booking_id):
    return Appointment.objects.filter(pk=booking_id).exists()


def test_two_sweeps_at_once_plan_each_import_once(queues):
    booking = make_appointment()
    fields = {name: getattr(booking, name) for name in ("salon", "user", "customer", "appointment_time")}
    Appointment.objects.bulk_create([Appointment(**fields) for _ in range(60)])
    assert sum(race(*[planning.plan_unplanned] * 3)) == 60
    assert Message.objects.filter(kind="reminder", status="pending").count() == 61
    assert Message.objects.filter(kind="confirmation").count() == 1


def test_text_claimed_by_a_worker_while_the_booking_is_deleted_is_followed_by_the_cancellation(queues, twilio):
    """Given a confirmation being handed to Twilio, when the booking goes, then both arrive and in that order."""
    twilio.latency(300)
    booking = make_appointment()
    sending = in_thread(deliver_due)
    while not Message.objects.filter(status="sending").exists():
        pass
    booking.delete()
    deliver_due()  # comes too early: it waits its turn
    assert Message.objects.get(kind="cancellation").status == "pending"
    sending.result(10)
    deliver_due()
    assert ["confirmed" in text["body"] for text in twilio.messages()] == [True, False]


def test_named_methods_and_saves_at_once_do_not_deadlock(queues):
    booking = make_appointment()

    def fresh():
        return Appointment.objects.get(pk=booking.pk)

    def again(act):
        for _ in range(8):
            act()

    race(
        lambda: again(lambda: fresh().cancel_task()),
        lambda: again(lambda: fresh().schedule_reminder_sms()),
        lambda: again(lambda: services.change(booking.pk, appointment_time=hours_ahead(30))),
        lambda: again(lambda: services.change(booking.pk, appointment_time=hours_ahead(31))),
        lambda: again(lambda: set_minutes(booking.salon, 45)),
    )
    assert Message.objects.filter(booking=booking, kind="reminder", status="pending").count() <= 1
