"""A change of a salon's minutes re-plans every reminder still to come."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import DataError, IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from salon.models import Salon
from sms.models import Message
from tests.delivering import deliver_due, ledger_of, let_time_pass
from tests.factories import hours_ahead, make_appointment, make_customer, make_salon, make_user

pytestmark = pytest.mark.django_db


def minutes_before(booking):
    reminder = Message.objects.get(booking=booking, kind="reminder")
    assert reminder.next_attempt_at == reminder.due_at
    return (reminder.visit_at - reminder.due_at).total_seconds() / 60


def set_minutes(salon, minutes):
    salon.reminder_time_minutes = minutes
    salon.save()


@pytest.mark.parametrize("minutes", [0, 15, 180, 1430])
def test_reminder_moves_to_the_new_minutes_earlier_or_later(minutes):
    booking = make_appointment(appointment_time=hours_ahead(24))
    set_minutes(booking.salon, minutes)
    assert minutes_before(booking) == minutes
    assert booking.salon.reminders_moved == 1


def test_reminder_whose_new_moment_has_passed_keeps_its_old_one_still_ahead():
    booking = make_appointment(appointment_time=hours_ahead(24))
    set_minutes(booking.salon, 25 * 60)
    assert minutes_before(booking) == 60
    assert booking.salon.reminders_moved == 0


def test_reminder_whose_old_and_new_moments_have_passed_goes_out_now_and_once(twilio):
    salon = make_salon(reminder_time_minutes=120)
    booking = make_appointment(salon=salon, appointment_time=hours_ahead(3))
    deliver_due()
    let_time_pass(timedelta(hours=2))
    set_minutes(salon, 180)
    deliver_due()
    deliver_due()
    assert ledger_of(booking) == [("confirmation", "sent", ""), ("reminder", "sent", "")]
    assert len(twilio.messages()) == 2


def test_reminder_already_sent_is_not_sent_again_at_the_new_minutes(twilio):
    salon = make_salon(reminder_time_minutes=120)
    booking = make_appointment(salon=salon, appointment_time=hours_ahead(3))
    let_time_pass(timedelta(hours=1, minutes=30))
    deliver_due()
    set_minutes(salon, 30)
    let_time_pass(timedelta(hours=1, minutes=10))
    deliver_due()
    assert [kind for kind, _, _ in ledger_of(booking)] == ["confirmation", "reminder"]
    assert len(twilio.messages()) == 2


def test_reminder_due_but_not_yet_taken_moves_to_a_later_moment():
    salon = make_salon(reminder_time_minutes=120)
    booking = make_appointment(salon=salon, appointment_time=hours_ahead(3))
    let_time_pass(timedelta(hours=1, minutes=30))
    set_minutes(salon, 30)
    assert minutes_before(booking) == 30


def test_booking_inside_the_old_window_stays_without_a_reminder():
    salon = make_salon(reminder_time_minutes=120)
    booking = make_appointment(salon=salon, appointment_time=hours_ahead(1))
    set_minutes(salon, 15)
    assert ledger_of(booking)[1] == ("reminder", "skipped", "booked inside the reminder window")


def test_reminders_of_other_salons_and_other_texts_stay_where_they_are():
    booking, other = make_appointment(), make_appointment()
    others = Message.objects.exclude(booking=booking, kind="reminder").order_by("id")
    before = list(others.values())
    set_minutes(booking.salon, 15)
    assert list(others.all().values()) == before
    assert minutes_before(other) == 60


def test_cancelled_reminders_stay_where_they_are():
    booking = make_appointment()
    booking.delete()
    due_at = Message.objects.get(kind="reminder").due_at
    set_minutes(booking.salon, 15)
    assert Message.objects.get(kind="reminder").due_at == due_at
    assert booking.salon.reminders_moved == 0


def test_lease_of_a_moved_reminder_is_given_back_and_its_expiry_follows():
    booking = make_appointment(salon=make_salon(reminder_time_minutes=0))
    Message.objects.filter(kind="reminder").update(leased_until=hours_ahead(1))
    set_minutes(booking.salon, 60)
    reminder = Message.objects.get(kind="reminder")
    assert reminder.leased_until is None
    assert reminder.expires_at == booking.appointment_time
    set_minutes(booking.salon, 0)
    assert Message.objects.get(kind="reminder").expires_at == booking.appointment_time + timedelta(minutes=1)


@pytest.mark.parametrize("count", [1, 200])
def test_re_planning_takes_one_statement_for_any_number_of_reminders(count):
    salon = make_salon()
    user, customer = make_user(salon), make_customer(salon)
    for hours in range(count):
        make_appointment(salon=salon, user=user, customer=customer, appointment_time=hours_ahead(24 + hours))
    salon.reminder_time_minutes = 90
    with CaptureQueriesContext(connection) as queries:
        salon.save()
    texts = [query["sql"] for query in queries if "sms_message" in query["sql"]]
    assert len(texts) == 1
    assert texts[0].strip().startswith("UPDATE sms_message")
    assert len([query for query in queries if "SAVEPOINT" not in query["sql"]]) == 2
    assert salon.reminders_moved == count
    assert Message.objects.filter(kind="reminder").count() == count


def test_saving_other_fields_alone_does_not_bring_old_minutes_back():
    booking = make_appointment()
    stale = Salon.objects.get(pk=booking.salon_id)
    set_minutes(booking.salon, 15)
    stale.name = "Renamed"
    stale.save(update_fields=["name"])
    assert minutes_before(booking) == 15


def test_minutes_set_but_not_saved_move_nothing():
    booking = make_appointment()
    booking.salon.reminder_time_minutes = 15
    booking.salon.save(update_fields=["name"])
    assert minutes_before(booking) == 60


def test_new_salon_moves_nothing():
    with CaptureQueriesContext(connection) as queries:
        make_salon()
    assert not [query for query in queries if "sms_message" in query["sql"]]


def test_time_zone_changes_the_words_and_not_the_moment(twilio):
    booking = make_appointment(appointment_time=hours_ahead(48).replace(hour=12, minute=0, second=0))
    before = Message.objects.get(kind="reminder").due_at
    booking.salon.timezone = "Asia/Kolkata"
    booking.salon.save()
    assert Message.objects.get(kind="reminder").due_at == before
    deliver_due()
    assert " at 5:30 PM." in twilio.messages()[0]["body"]


@pytest.mark.parametrize("minutes", [-1, 43_201])
def test_minutes_outside_their_range_are_refused_by_model_and_database(minutes):
    salon = make_salon()
    salon.reminder_time_minutes = minutes
    with pytest.raises(ValidationError):
        salon.full_clean()
    with pytest.raises((IntegrityError, DataError)), transaction.atomic():
        salon.save()


@pytest.mark.parametrize("minutes", [0, 43_200])
def test_minutes_at_the_ends_of_their_range_are_accepted(minutes):
    salon = make_salon(reminder_time_minutes=minutes)
    salon.full_clean()


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "europe/london", "GMT+1", "../etc/passwd"])
def test_unknown_time_zone_is_refused(name):
    with pytest.raises(ValidationError):
        Salon(name="S", phone_number="+442079460123", timezone=name).full_clean()


@pytest.mark.parametrize("name", ["Europe/London", "America/New_York", "Asia/Kathmandu", "UTC"])
def test_iana_time_zone_is_accepted(name):
    Salon(name="S", phone_number="+442079460123", timezone=name).full_clean()


def test_time_zone_comes_from_the_setting_where_none_is_given(settings):
    settings.DEFAULT_TIMEZONE = "Asia/Tokyo"
    assert make_salon().timezone == "Asia/Tokyo"
