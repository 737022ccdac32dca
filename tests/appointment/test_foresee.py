from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from appointment import due_texts, foresight, rules, services
from appointment.models import Appointment, OccupiedTime
from sms.models import Message
from tests.factories import hours_ahead, make_appointment, make_customer, make_salon, make_user

pytestmark = pytest.mark.django_db


def new_booking(**fields: Any) -> Any:
    salon = make_salon()
    defaults = {"salon": salon, "user": make_user(salon), "customer": make_customer(salon)}
    return partial(services.book, **{**defaults, "appointment_time": hours_ahead(24), **fields})


def test_foreseen_texts_are_those_that_booking_plans() -> None:
    book = new_booking()
    foreseen = foresight.foresee(book)
    assert not Appointment.objects.exists()
    booking = book()
    planned = Message.objects.filter(booking_id=booking.pk).order_by("due_at", "id")
    assert [(text.message.kind, text.body) for text in foreseen] == [
        (text.kind, due_texts.preview(text, booking)) for text in planned
    ]
    assert all(text.is_sent and text.segments == 1 for text in foreseen)


def test_nothing_is_left_and_no_worker_is_told(django_capture_on_commit_callbacks: Any) -> None:
    with django_capture_on_commit_callbacks() as callbacks:
        foresight.foresee(new_booking(end_time=hours_ahead(25)))
    assert callbacks == []
    assert not Message.objects.exists()
    assert not OccupiedTime.objects.exists()
    assert not Appointment.history.exists()


def test_of_a_change_only_its_own_texts_are_foreseen() -> None:
    booking = make_appointment()
    move = partial(services.change, booking.pk, appointment_time=hours_ahead(30))
    assert [text.message.kind for text in foresight.foresee(move, booking.pk)] == ["confirmation", "reminder"]
    stay = partial(services.change, booking.pk, comment="Later")
    assert foresight.foresee(stay, booking.pk) == []
    assert [text.message.kind for text in foresight.foresee(partial(services.cancel, booking.pk), booking.pk)] == [
        "cancellation"
    ]
    booking.refresh_from_db()
    assert booking.status == "booked"
    assert Message.objects.filter(booking_id=booking.pk, status="pending").count() == 2


def test_what_is_refused_is_refused_before_too() -> None:
    with pytest.raises(rules.RuleBroken):
        foresight.foresee(new_booking(appointment_time=hours_ahead(-1)))
