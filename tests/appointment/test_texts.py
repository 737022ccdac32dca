"""The words of each text, in the salon's local time, through the nights that clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from appointment import texts
from sms.models import Message
from tests.delivering import deliver_due, make_due
from tests.factories import hours_ahead, make_appointment, make_customer, make_salon

pytestmark = pytest.mark.django_db


def next_clock_change(zone: str) -> datetime:
    """The next moment, aware UTC, from which the zone's clocks show another offset."""
    clock = ZoneInfo(zone)
    moment = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=2)
    while clock.utcoffset(moment.astimezone(clock)) == clock.utcoffset((moment + timedelta(hours=1)).astimezone(clock)):
        moment += timedelta(hours=1)
    return moment + timedelta(hours=1)


def local(zone: str, moment: datetime) -> str:
    return moment.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M")


def test_the_three_texts_are_worded_as_agreed(twilio):
    salon = make_salon(name="Shear Delight", timezone="Europe/London")
    starts_at = datetime(datetime.now(UTC).year + 1, 1, 15, 14, 5, tzinfo=UTC)
    booking = make_appointment(
        salon=salon, customer=make_customer(salon, full_name="Ada Lovelace"), appointment_time=starts_at
    )
    make_due(Message.objects.get(kind="reminder"))
    deliver_due()
    booking.delete()
    deliver_due()
    day = f"{starts_at:%Y-%m-%d}"
    assert [text["body"] for text in twilio.messages()] == [
        f"Hi Ada Lovelace, Your appointment at Shear Delight has been confirmed for {day} at 2:05 PM. See you soon!",
        "Hi Ada Lovelace, You have an appointment coming up at 2:05 PM. Regards Shear Delight.",
        f"Hi, We regret to inform you that your scheduled appointment for {day} 2:05 PM has been cancelled.",
    ]


@pytest.mark.parametrize("name", ["", "   "])
def test_customer_without_a_name_is_called_customer(name):
    salon = make_salon()
    booking = make_appointment(salon=salon, customer=make_customer(salon, full_name=name))
    assert texts.confirmation(booking).startswith("Hi Customer, Your")
    assert texts.reminder(booking).startswith("Hi Customer, You")


@pytest.mark.parametrize("name", ["{date}", "{salon}", "{0}", "{", "%s {customer.__class__}", "}{"])
def test_braces_in_names_are_letters_like_any_other(name):
    salon = make_salon(name=f"At {name}")
    booking = make_appointment(salon=salon, customer=make_customer(salon, full_name=name))
    assert texts.confirmation(booking).startswith(f"Hi {name}, Your appointment at At {name} has been confirmed")
    assert texts.reminder(booking).endswith(f"Regards At {name}.")


@pytest.mark.parametrize(
    ("hour", "minute", "shown"), [(0, 0, "12:00 AM"), (9, 5, "9:05 AM"), (12, 0, "12:00 PM"), (23, 59, "11:59 PM")]
)
def test_clock_times_are_twelve_hours_without_a_leading_zero(hour, minute, shown):
    booking = make_appointment(
        salon=make_salon(timezone="UTC"), appointment_time=hours_ahead(48).replace(hour=hour, minute=minute, second=0)
    )
    assert f" at {shown}. " in texts.confirmation(booking)


@pytest.mark.parametrize("zone", ["Europe/London", "America/New_York"])
@pytest.mark.parametrize("minutes", [30, 60, 24 * 60])
def test_booked_before_the_clocks_change_the_reminder_goes_out_the_right_time_before_the_visit(twilio, zone, minutes):
    """Given a visit a few hours after the change, then elapsed time counts, and the text shows the new clock."""
    change = next_clock_change(zone)
    clock = ZoneInfo(zone)
    starts_at = change.astimezone(clock).replace(hour=10, minute=30).astimezone(UTC)
    assert starts_at.astimezone(clock).utcoffset() != (change - timedelta(hours=2)).astimezone(clock).utcoffset()
    booking = make_appointment(
        salon=make_salon(timezone=zone, reminder_time_minutes=minutes), appointment_time=starts_at
    )
    reminder = Message.objects.get(kind="reminder")
    assert reminder.due_at == starts_at - timedelta(minutes=minutes)
    make_due(reminder)
    deliver_due()
    confirmed, reminded = twilio.messages()
    assert f"confirmed for {local(zone, starts_at)[:10]} at 10:30 AM." in confirmed["body"]
    assert "coming up at 10:30 AM." in reminded["body"]
    assert booking.appointment_time == starts_at


@pytest.mark.parametrize("zone", ["Europe/London", "America/New_York"])
def test_visits_just_before_and_just_after_the_change_show_their_own_clock(zone):
    change = next_clock_change(zone)
    salon = make_salon(timezone=zone)
    before = make_appointment(salon=salon, appointment_time=change - timedelta(minutes=1))
    after = make_appointment(salon=salon, appointment_time=change)
    clock = ZoneInfo(zone)
    for booking in (before, after):
        shown = booking.appointment_time.astimezone(clock)
        assert f"at {shown.hour % 12 or 12}:{shown:%M %p}." in texts.reminder(booking)


def test_reminder_of_an_early_visit_goes_out_on_the_day_before_and_the_confirmation_keeps_the_visits_day(twilio):
    starts_at = (hours_ahead(72)).astimezone(ZoneInfo("Europe/London")).replace(hour=0, minute=20).astimezone(UTC)
    make_appointment(salon=make_salon(reminder_time_minutes=60), appointment_time=starts_at)
    reminder = Message.objects.get(kind="reminder")
    due = reminder.due_at.astimezone(ZoneInfo("Europe/London"))
    assert (due.hour, due.minute) == (23, 20)
    assert due.date() == (starts_at.astimezone(ZoneInfo("Europe/London")) - timedelta(days=1)).date()
    make_due(reminder)
    deliver_due()
    assert "coming up at 12:20 AM." in twilio.messages()[1]["body"]


def test_late_evening_visit_that_is_the_next_day_in_utc_shows_the_salons_day():
    zone = "America/New_York"
    starts_at = hours_ahead(72).astimezone(ZoneInfo(zone)).replace(hour=23, minute=30).astimezone(UTC)
    booking = make_appointment(
        salon=make_salon(timezone=zone, reminder_time_minutes=24 * 60), appointment_time=starts_at
    )
    assert starts_at.date() != starts_at.astimezone(ZoneInfo(zone)).date()
    assert f"{local(zone, starts_at)[:10]} at 11:30 PM." in texts.confirmation(booking)
    due = Message.objects.get(kind="reminder").due_at.astimezone(ZoneInfo(zone))
    assert due == starts_at - timedelta(days=1)


@pytest.mark.parametrize(
    ("zone", "shown"), [("Asia/Kolkata", "5:30 PM"), ("Asia/Kathmandu", "5:45 PM"), ("Australia/Eucla", "8:45 PM")]
)
def test_zones_of_half_and_quarter_hours_show_their_own_clock(zone, shown):
    booking = make_appointment(
        salon=make_salon(timezone=zone), appointment_time=hours_ahead(72).replace(hour=12, minute=0, second=0)
    )
    assert f"coming up at {shown}." in texts.reminder(booking)
