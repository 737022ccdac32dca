"""What a client is told when a part of ours is away."""

from __future__ import annotations

import pytest
from django.db import InterfaceError, OperationalError

from appointment.models import Appointment
from booking_api.deletion import refuse_while_ahead
from booking_api.errors import Conflict
from tests.factories import make_appointment, make_salon, make_user

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("fault", [OperationalError("the server closed the connection"), InterfaceError("closed")])
def test_database_that_does_not_answer_is_503_with_when_to_try_again(api, monkeypatch, fault):
    def away(*args, **kwargs):
        raise fault

    client = api(make_user(make_salon()))
    client.raise_request_exception = False
    monkeypatch.setattr("appointment.views.AppointmentViewSet.get_queryset", away)
    answer = client.get("/appointments/")
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert answer.json()["errors"][0]["code"] == "try_later"


@pytest.mark.parametrize(
    ("bookings", "said"), [(1, "There is still 1 booking ahead"), (2, "There are still 2 bookings")]
)
def test_refusal_to_delete_says_how_many_bookings_are_ahead(queues, bookings, said):
    salon = make_salon()
    for _ in range(bookings):
        make_appointment(salon=salon)
    with pytest.raises(Conflict, match=said):
        refuse_while_ahead(Appointment.objects.filter(salon=salon))
