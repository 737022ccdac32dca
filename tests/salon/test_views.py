"""Salons over the API: who may change them, their addresses, and the reminders that move."""

from __future__ import annotations

import pytest

from address.models import Address
from salon.models import Salon
from sms.models import Message
from tests.factories import make_appointment, make_owner, make_platform_admin, make_salon, make_user

pytestmark = pytest.mark.django_db

ADDRESS = {"street": "1 High Street", "city": "London", "postal_code": "SW1A 1AA"}


def body(**fields):
    return {
        "name": "Shear Delight",
        "phone_number": "+442079460123",
        "addresses": [ADDRESS],
        "reminder_time_minutes": 90,
        "timezone": "Europe/London",
        **fields,
    }


def errors(answer):
    return [(error["attr"], error["code"]) for error in answer.json()["errors"]]


def test_platform_admin_makes_a_salon_as_agreed(api):
    answer = api(make_platform_admin()).post("/salons/", body())
    assert answer.status_code == 201
    shown = answer.json()
    assert {name: shown[name] for name in ("name", "phone_number", "reminder_time_minutes", "timezone")} == {
        "name": "Shear Delight",
        "phone_number": "+442079460123",
        "reminder_time_minutes": 90,
        "timezone": "Europe/London",
    }
    assert [{name: address[name] for name in ADDRESS} for address in shown["addresses"]] == [ADDRESS]


def test_minutes_zone_and_addresses_have_defaults(api):
    shown = api(make_platform_admin()).post("/salons/", {"name": "S", "phone_number": "020 7946 0123"}).json()
    assert (shown["reminder_time_minutes"], shown["timezone"], shown["addresses"]) == (60, "Europe/London", [])
    assert shown["phone_number"] == "+442079460123"


@pytest.mark.parametrize("make", [make_owner, make_user])
def test_nobody_else_makes_salons(api, make):
    answer = api(make(make_salon())).post("/salons/", body())
    assert answer.status_code == 403
    assert Salon.objects.count() == 1


def test_address_named_by_an_id_at_creation_takes_nobodys_address(api):
    taken = Address.objects.create(**ADDRESS)
    answer = api(make_platform_admin()).post("/salons/", body(addresses=[{**ADDRESS, "id": taken.pk}]))
    assert answer.status_code in (201, 400)
    assert taken.salons.count() == 0


def test_owner_moves_the_pending_reminders(api):
    booking = make_appointment()
    answer = api(make_owner(booking.salon)).patch(f"/salons/{booking.salon_id}/", {"reminder_time_minutes": 15})
    assert (answer.status_code, answer.json()["reminders_moved"]) == (200, 1)
    reminder = Message.objects.get(kind="reminder")
    assert (reminder.visit_at - reminder.due_at).total_seconds() == 15 * 60


def test_staff_read_their_salon_and_change_nothing(api):
    booking = make_appointment()
    client = api(make_user(booking.salon))
    due_at = Message.objects.get(kind="reminder").due_at
    assert client.get(f"/salons/{booking.salon_id}/").status_code == 200
    for method in ("patch", "put", "delete"):
        assert getattr(client, method)(f"/salons/{booking.salon_id}/", {"reminder_time_minutes": 15}).status_code == 403
    booking.salon.refresh_from_db()
    assert booking.salon.reminder_time_minutes == 60
    assert Message.objects.get(kind="reminder").due_at == due_at


@pytest.mark.parametrize("method", ["get", "patch", "put", "delete"])
def test_salon_of_others_does_not_exist_even_for_an_owner(api, method):
    other = make_salon(name="Other")
    answer = getattr(api(make_owner(make_salon())), method)(f"/salons/{other.pk}/", {"name": "Mine"})
    assert answer.status_code == 404
    other.refresh_from_db()
    assert other.name == "Other"


@pytest.mark.parametrize("minutes", [-1, 43_201, "x", None, 1.5])
def test_minutes_outside_their_range_are_refused(api, minutes):
    salon = make_salon()
    answer = api(make_owner(salon)).patch(f"/salons/{salon.pk}/", {"reminder_time_minutes": minutes})
    assert answer.status_code == 400
    assert errors(answer)[0][0] == "reminder_time_minutes"


def test_unknown_zone_and_misspelt_field_are_refused(api):
    salon = make_salon()
    client = api(make_owner(salon))
    assert errors(client.patch(f"/salons/{salon.pk}/", {"timezone": "Mars/Olympus"})) == [
        ("timezone", "unknown_timezone")
    ]
    assert errors(client.patch(f"/salons/{salon.pk}/", {"reminder_minutes": 5})) == [
        ("reminder_minutes", "unknown_field")
    ]


def test_misspelt_field_of_an_address_is_refused(api):
    answer = api(make_platform_admin()).post("/salons/", body(addresses=[{**ADDRESS, "town": "London"}]))
    assert answer.status_code == 400


def test_addresses_given_replace_those_there_and_keep_the_one_named(api):
    salon = make_salon()
    kept, dropped = (Address.objects.create(**ADDRESS) for _ in range(2))
    salon.addresses.set([kept, dropped])
    client = api(make_owner(salon))
    new = {"street": "2 High Street", "city": "London", "postal_code": "SW1A 1AB"}
    answer = client.patch(f"/salons/{salon.pk}/", {"addresses": [{**ADDRESS, "id": kept.pk, "city": "Bath"}, new]})
    assert answer.status_code == 200
    assert salon.addresses.get(pk=kept.pk).city == "Bath"
    assert not Address.objects.filter(pk=dropped.pk).exists()
    assert salon.addresses.count() == 2
    client.patch(f"/salons/{salon.pk}/", {"name": "Renamed"})
    assert salon.addresses.count() == 2


def test_address_of_another_salon_cannot_be_taken_or_changed(api):
    salon, other = make_salon(), make_salon()
    theirs = Address.objects.create(**ADDRESS)
    other.addresses.add(theirs)
    api(make_owner(salon)).patch(f"/salons/{salon.pk}/", {"addresses": [{**ADDRESS, "id": theirs.pk, "city": "Bath"}]})
    theirs.refresh_from_db()
    assert theirs.city == "London"
    assert list(theirs.salons.all()) == [other]


def test_salon_with_bookings_ahead_is_not_deleted_and_one_without_is(api):
    booking = make_appointment()
    salon = booking.salon
    client = api(make_owner(salon))
    answer = client.delete(f"/salons/{salon.pk}/")
    assert (answer.status_code, errors(answer)) == (409, [(None, "bookings_ahead")])
    assert not Message.objects.filter(kind="cancellation").exists()
    booking.delete()
    assert client.delete(f"/salons/{salon.pk}/").status_code == 204
