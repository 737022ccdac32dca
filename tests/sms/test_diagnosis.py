"""`sms_doctor`: what is stuck, why, and what happens next, in plain words."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError

from sms import diagnosis, heartbeats, holds
from sms.errors import SenderBlocked
from tests.delivering import deliver_due, let_time_pass
from tests.factories import make_appointment

pytestmark = pytest.mark.django_db


def doctor(capsys, *arguments):
    call_command("sms_doctor", *arguments)
    return capsys.readouterr().out


@pytest.fixture
def at_work(queues):
    """A dispatcher and a worker have just been seen."""
    for process in (heartbeats.DISPATCHER, heartbeats.WORKER):
        heartbeats.beat(process)


def test_all_is_well(capsys, at_work):
    assert doctor(capsys) == "All is well: nothing is overdue, in doubt or stopped.\n"


def test_processes_that_are_missing_are_named(capsys, queues):
    said = doctor(capsys)
    assert "No dispatcher has ever been seen" in said
    assert "No worker has ever been seen" in said


def test_stopped_sender_is_told_with_what_to_do(capsys, at_work):
    holds.place(SenderBlocked("Twilio answered HTTP 401", 20003))
    said = doctor(capsys)
    assert "Twilio answered HTTP 401" in said
    assert "Put the account or the sender right at Twilio" in said


def test_texts_refused_for_their_destination_are_told_with_what_to_do(capsys, at_work, twilio):
    make_appointment()
    twilio.fault("error", code=21408, count=1)
    deliver_due()
    let_time_pass(timedelta(minutes=5))
    said = doctor(capsys)
    assert said.count("\n") == 1, "it is not told again as overdue"
    assert "error 21408" in said
    assert "allow texts to that country at Twilio" in said


def test_story_of_a_booking_tells_of_each_text(capsys, twilio):
    booking = make_appointment()
    twilio.fault("429", count=1)
    deliver_due()
    said = doctor(capsys, f"--booking={booking.pk}")
    assert said.startswith(f"Booking {booking.pk}\nconfirmation ")
    assert "attempt 1 at " in said
    assert "reminder " in said


@pytest.mark.parametrize("asked", ["findings", "story"])
def test_database_that_does_not_answer_is_one_line_that_says_what_to_do(monkeypatch, queues, asked):
    def away(*args):
        raise OperationalError("connection refused\nIs the server running?")

    booking = make_appointment()
    monkeypatch.setattr(diagnosis, asked, away)
    with pytest.raises(CommandError, match=r"PostgreSQL .*\(connection refused\).* DATABASE_URL") as raised:
        call_command("sms_doctor", *([f"--booking={booking.pk}"] if asked == "story" else []))
    assert "\n" not in str(raised.value)


def test_booking_that_never_was_is_refused():
    with pytest.raises(CommandError, match="There is no booking 999"):
        call_command("sms_doctor", "--booking=999")
