"""What staff do to a booking."""

from __future__ import annotations

import pytest

from appointment import rules, services
from appointment.models import Appointment
from tests.delivering import ledger_of
from tests.factories import hours_ahead, make_appointment

pytestmark = pytest.mark.django_db


def test_change_of_a_booking_checks_the_rules_and_writes_nothing_when_one_is_broken():
    booking = make_appointment()
    with pytest.raises(rules.RuleBroken) as broken:
        services.change(booking.pk, appointment_time=hours_ahead(-1), comment="late")
    assert (broken.value.field, broken.value.code) == ("appointment_time", "in_the_past")
    booking.refresh_from_db()
    assert booking.comment == ""
    assert len(ledger_of(booking)) == 2


def test_change_of_a_deleted_booking_raises():
    booking = make_appointment()
    booking_id = booking.pk
    booking.delete()
    with pytest.raises(Appointment.DoesNotExist):
        services.change(booking_id, comment="gone")
