"""Cancelling, completing and no-shows through the API, and the history that they leave."""

import pytest

from sms.models import Message
from tests.delivering import deliver_due
from tests.factories import make_appointment, make_owner

pytestmark = pytest.mark.django_db


@pytest.fixture
def booking():
    return make_appointment()


@pytest.fixture
def client(api, booking):
    return api(make_owner(booking.salon, full_name="Olive Owner"))


def kinds_and_states(booking):
    return sorted(Message.objects.filter(booking_id=booking.pk).values_list("kind", "status"))


def test_cancel_keeps_the_row_with_its_reason_and_tells_the_customer(client, booking, twilio):
    deliver_due()
    answer = client.post(f"/appointments/{booking.pk}/cancel/", {"reason": "ill"})
    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["cancel_reason"]) == ("cancelled", "ill")
    deliver_due()
    assert kinds_and_states(booking) == [
        ("cancellation", "sent"),
        ("confirmation", "sent"),
        ("reminder", "cancelled"),
    ]
    assert len(twilio.messages(str(booking.customer.phone_number))) == 2


def test_cancelling_twice_tells_the_customer_once_and_keeps_the_first_reason(client, booking):
    client.post(f"/appointments/{booking.pk}/cancel/", {"reason": "ill"})
    answer = client.post(f"/appointments/{booking.pk}/cancel/")
    assert (answer.status_code, answer.json()["cancel_reason"]) == (200, "ill")
    assert Message.objects.filter(kind="cancellation").count() == 1


@pytest.mark.parametrize(("act", "status"), [("complete", "completed"), ("no-show", "no_show")])
def test_visit_that_is_over_owes_nothing_more(client, booking, act, status):
    answer = client.post(f"/appointments/{booking.pk}/{act}/")
    assert (answer.status_code, answer.json()["status"]) == (200, status)
    assert kinds_and_states(booking) == [("confirmation", "cancelled"), ("reminder", "cancelled")]


def test_history_tells_who_changed_what(client, booking):
    client.patch(f"/appointments/{booking.pk}/", {"comment": "prefers the window"})
    client.post(f"/appointments/{booking.pk}/cancel/", {"reason": "ill"})
    cancelled, commented, created = client.get(f"/appointments/{booking.pk}/history/").json()["results"]
    assert created["action"] == "created"
    assert created["by"] is None
    assert commented["by"] == "Olive Owner"
    assert commented["changes"] == [{"field": "comment", "old": "", "new": "prefers the window"}]
    assert {"field": "status", "old": "booked", "new": "cancelled"} in cancelled["changes"]


def test_save_that_changes_nothing_leaves_no_history(client, booking):
    client.patch(f"/appointments/{booking.pk}/", {"comment": ""})
    assert client.get(f"/appointments/{booking.pk}/history/").json()["count"] == 1


def test_waiting_texts_are_previewed_and_sent_ones_are_not(client, booking, twilio):
    confirmation, reminder = client.get(f"/appointments/{booking.pk}/messages/").json()["results"]
    assert confirmation["preview"].startswith("Hi Ada Lovelace, Your appointment at Shear Delight has been confirmed")
    assert reminder["preview"].startswith("Hi Ada Lovelace, You have an appointment coming up at")
    deliver_due()
    confirmation, reminder = client.get(f"/appointments/{booking.pk}/messages/").json()["results"]
    assert confirmation["preview"] is None
    assert confirmation["body"].startswith("Hi Ada Lovelace, Your appointment")


def test_other_salons_bookings_cannot_be_closed(api, booking):
    stranger = api(make_owner())
    for act in ("cancel", "complete", "no-show"):
        assert stranger.post(f"/appointments/{booking.pk}/{act}/").status_code == 404
    assert stranger.get(f"/appointments/{booking.pk}/history/").status_code == 404
    booking.refresh_from_db()
    assert booking.status == "booked"
