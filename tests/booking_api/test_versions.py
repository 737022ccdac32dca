from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connection

from appointment.models import Appointment
from customer.models import Customer
from salon.models import Salon
from sms.models import Message
from tests.factories import hours_ahead, make_appointment, make_customer, make_owner, make_salon, make_user
from tests.racing import race

NEW_PLACE = {"street": "1 High Street", "city": "London", "postal_code": "SW1A 1AA"}

pytestmark = pytest.mark.django_db


class World:
    """A salon of each sort of thing, and its owner logged in."""

    def __init__(self, api: Any) -> None:
        self.salon = make_salon()
        self.owner = make_owner(self.salon)
        self.customer = make_customer(self.salon)
        self.booking = make_appointment(salon=self.salon, user=self.owner, customer=self.customer)
        self.client = api(self.owner)
        self.changes = {
            f"/salons/{self.salon.pk}/": {"name": "Renamed"},
            f"/customers/{self.customer.pk}/": {"full_name": "Renamed"},
            f"/appointments/{self.booking.pk}/": {"comment": "Renamed"},
        }


@pytest.fixture
def world(api: Any) -> World:
    return World(api)


def test_every_answer_that_shows_a_version_names_the_same_one(world: World) -> None:
    for path, change in world.changes.items():
        read = world.client.get(path)
        changed = world.client.patch(path, change)
        assert changed["ETag"] != read["ETag"]
        assert changed["ETag"] == world.client.get(path)["ETag"]
        assert not changed["ETag"].startswith("W/")


@pytest.mark.parametrize("noun", ["customers", "appointments"])
def test_what_was_made_bears_its_address_and_version(world: World, noun: str) -> None:
    bodies: dict[str, dict[str, Any]] = {
        "customers": {"full_name": "New", "phone_number": "+447400999111", "salon_ids": [world.salon.pk]},
        "appointments": {
            "salon": world.salon.pk,
            "user": world.owner.pk,
            "customer": world.customer.pk,
            "appointment_time": hours_ahead(50).isoformat(),
        },
    }
    made = world.client.post(f"/{noun}/", bodies[noun])
    assert made["Location"] == f"/{noun}/{made.json()['id']}/"
    assert made["ETag"] == world.client.get(made["Location"])["ETag"]


def test_version_covers_a_salons_addresses(world: World) -> None:
    path = f"/salons/{world.salon.pk}/"
    first = world.client.patch(path, {"addresses": [NEW_PLACE]})
    assert first["ETag"] == world.client.get(path)["ETag"]
    world.salon.addresses.update(street="2 High Street")
    assert first["ETag"] != world.client.get(path)["ETag"]


def test_version_is_of_what_the_caller_sees(world: World, api: Any) -> None:
    elsewhere = make_salon()
    world.customer.salons.add(elsewhere)
    stranger = api(make_owner(elsewhere))
    path = f"/customers/{world.customer.pk}/"
    before = world.client.get(path)["ETag"]
    world.customer.salons.remove(elsewhere)
    assert world.client.get(path)["ETag"] == before
    assert stranger.get(path).status_code == 404


def test_texts_that_went_out_change_no_version(world: World) -> None:
    path = f"/appointments/{world.booking.pk}/"
    before = world.client.get(path)["ETag"]
    Message.objects.update(status=Message.Status.SENT)
    assert world.client.get(path)["ETag"] == before


def test_known_version_is_not_sent_again(world: World) -> None:
    for path in world.changes:
        etag = world.client.get(path)["ETag"]
        for known in (etag, f'"other", {etag}', f"W/{etag}", "*"):
            answer = world.client.get(path, headers={"If-None-Match": known})
            assert (answer.status_code, answer.content, answer["ETag"]) == (304, b"", etag)
        assert world.client.get(path, headers={"If-None-Match": '"other"'}).status_code == 200


def test_change_of_an_old_version_is_refused_and_writes_nothing(world: World) -> None:
    for path, change in world.changes.items():
        old = world.client.get(path)["ETag"]
        assert world.client.patch(path, change, headers={"If-Match": old}).status_code == 200
        for method in ("patch", "delete"):
            answer = getattr(world.client, method)(path, {}, headers={"If-Match": old})
            assert answer.status_code == 412
            assert answer.json()["type"] == "client_error"
            assert answer.json()["errors"][0]["code"] == "precondition_failed"
        assert "Renamed" in world.client.get(path).content.decode()


def test_change_of_the_version_there_is_accepted(world: World) -> None:
    for path, change in world.changes.items():
        etag = world.client.get(path)["ETag"]
        assert world.client.patch(path, change, headers={"If-Match": f'"other", {etag}'}).status_code == 200
        assert world.client.patch(path, change, headers={"If-Match": "*"}).status_code == 200
        assert world.client.patch(path, change).status_code == 200


@pytest.mark.parametrize("given", ['W/"weak"', "unquoted", "", '"other"'])
def test_if_match_that_matches_nothing_is_refused(world: World, given: str) -> None:
    path = f"/salons/{world.salon.pk}/"
    assert world.client.patch(path, {"name": "X"}, headers={"If-Match": given}).status_code == 412


def test_weak_version_never_matches_for_a_change(world: World) -> None:
    path = f"/salons/{world.salon.pk}/"
    weak = f"W/{world.client.get(path)['ETag']}"
    assert world.client.patch(path, {"name": "X"}, headers={"If-Match": weak}).status_code == 412


def test_actions_on_a_booking_heed_if_match_and_answer_the_new_version(world: World) -> None:
    path = f"/appointments/{world.booking.pk}/"
    old = world.client.get(path)["ETag"]
    world.client.patch(path, {"comment": "changed"})
    assert world.client.post(f"{path}cancel/", headers={"If-Match": old}).status_code == 412
    world.booking.refresh_from_db()
    assert world.booking.status == Appointment.Status.BOOKED
    cancelled = world.client.post(f"{path}cancel/", headers={"If-Match": world.client.get(path)["ETag"]})
    assert cancelled.status_code == 200
    assert cancelled["ETag"] == world.client.get(path)["ETag"]


def test_another_salons_object_is_not_there_whatever_the_version(world: World, api: Any) -> None:
    stranger = api(make_owner(make_salon()))
    for path, change in world.changes.items():
        assert stranger.patch(path, change, headers={"If-Match": "*"}).status_code == 404


@pytest.mark.django_db(transaction=True)
def test_of_many_changes_of_one_version_only_one_is_made(api: Any) -> None:
    salon = make_salon()
    owner = make_owner(salon)
    customer = make_customer(salon)
    booking = make_appointment(salon=salon, user=make_user(salon), customer=customer)
    for path, field in (
        (f"/salons/{salon.pk}/", "name"),
        (f"/customers/{customer.pk}/", "full_name"),
        (f"/appointments/{booking.pk}/", "comment"),
    ):
        etag = api(owner).get(path)["ETag"]

        def change(number: int, path: str = path, field: str = field, etag: str = etag) -> int:
            answer = api(owner).patch(path, {field: f"by {number}"}, headers={"If-Match": etag})
            return int(answer.status_code)

        statuses = race(*(partial(change, number) for number in range(8)))
        assert sorted(statuses) == [200] + [412] * 7


def test_list_shows_no_version(world: World) -> None:
    assert "ETag" not in world.client.get("/salons/")


def test_reading_with_a_condition_locks_nothing(world: World, django_assert_num_queries: Any) -> None:
    world.client.get(f"/salons/{world.salon.pk}/")
    with django_assert_num_queries(3):
        world.client.get(f"/salons/{world.salon.pk}/", headers={"If-None-Match": '"other"', "If-Match": '"other"'})
    assert not connection.needs_rollback
    assert Salon.objects.count() == 1
    assert Customer.objects.count() == 1
    assert world.booking.appointment_time > hours_ahead(0) + timedelta(hours=1)
