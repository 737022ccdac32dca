"""Customers over the API: each salon sees its own."""

from __future__ import annotations

import pytest
from django.db import connection

from customer.filters import CustomerFilter
from customer.models import Customer
from tests.factories import hours_ahead, make_appointment, make_customer, make_salon, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def salon():
    return make_salon()


@pytest.fixture
def client(api, salon):
    return api(make_user(salon))


def errors(answer):
    return [(error["attr"], error["code"]) for error in answer.json()["errors"]]


def test_customer_is_made_as_agreed(client, salon):
    answer = client.post("/customers/", {"full_name": "Ada", "phone_number": "07400 123456", "salon_ids": [salon.pk]})
    assert answer.status_code == 201
    shown = answer.json()
    assert (shown["full_name"], shown["phone_number"], shown["salon_ids"]) == ("Ada", "+447400123456", [salon.pk])
    assert list(Customer.objects.get().salons.all()) == [salon]


@pytest.mark.parametrize(
    ("fields", "attr"),
    [
        ({"phone_number": "020 7946 0123"}, "phone_number"),
        ({"phone_number": "nonsense"}, "phone_number"),
        ({"phone_number": ""}, "phone_number"),
        ({"salon_ids": []}, "salon_ids"),
        ({"salons": [1]}, "salons"),
    ],
)
def test_customer_that_is_not_acceptable_names_the_field(client, salon, fields, attr):
    answer = client.post(
        "/customers/", {"full_name": "Ada", "phone_number": "+447400123456", "salon_ids": [salon.pk], **fields}
    )
    assert (answer.status_code, errors(answer)[0][0]) == (400, attr)
    assert Customer.objects.count() == 0


def test_landline_is_refused_with_a_message_that_helps(client, salon):
    answer = client.post("/customers/", {"phone_number": "+442079460123", "salon_ids": [salon.pk]})
    assert answer.json()["errors"][0]["detail"] == "This number cannot receive texts; give a mobile number."


def test_salon_of_others_in_a_body_is_refused_like_one_that_does_not_exist(client, salon):
    for foreign in (make_salon().pk, 10**7):
        answer = client.post("/customers/", {"phone_number": "+447400123456", "salon_ids": [foreign]})
        assert (answer.status_code, [code for _, code in errors(answer)]) == (400, ["does_not_exist"])


@pytest.mark.parametrize("method", ["get", "patch", "put", "delete"])
def test_customer_of_another_salon_does_not_exist(client, method):
    other = make_customer(make_salon())
    assert getattr(client, method)(f"/customers/{other.pk}/", {"full_name": "Mine"}).status_code == 404
    other.refresh_from_db()
    assert other.full_name == "Ada Lovelace"


def test_customer_shared_with_another_salon_shows_and_keeps_it_hidden(client, salon):
    elsewhere = make_salon()
    shared = make_customer(salon, elsewhere)
    assert client.get(f"/customers/{shared.pk}/").json()["salon_ids"] == [salon.pk]
    answer = client.patch(f"/customers/{shared.pk}/", {"salon_ids": [salon.pk]})
    assert answer.json()["salon_ids"] == [salon.pk]
    assert set(shared.salons.all()) == {salon, elsewhere}
    assert client.get(f"/customers/?salon={elsewhere.pk}").json()["count"] == 0


def test_customer_with_bookings_ahead_is_not_deleted(client, salon):
    booking = make_appointment(salon=salon)
    answer = client.delete(f"/customers/{booking.customer_id}/")
    assert (answer.status_code, errors(answer)) == (409, [(None, "bookings_ahead")])
    assert Customer.objects.filter(pk=booking.customer_id).exists()


def test_customer_with_past_bookings_alone_is_deleted(client, salon):
    booking = make_appointment(salon=salon, appointment_time=hours_ahead(-3))
    assert client.delete(f"/customers/{booking.customer_id}/").status_code == 204


def test_deleting_a_customer_shared_with_another_salon_leaves_them_theirs(client, salon):
    elsewhere = make_salon()
    shared = make_customer(salon, elsewhere)
    theirs = make_appointment(salon=elsewhere, customer=shared)
    assert client.delete(f"/customers/{shared.pk}/").status_code == 204
    assert list(shared.salons.all()) == [elsewhere]
    theirs.refresh_from_db()
    assert client.get(f"/customers/{shared.pk}/").status_code == 404


def test_search_finds_by_part_of_name_or_number(client, salon):
    ada = make_customer(salon, full_name="Ada Lovelace", phone_number="+447400555123")
    make_customer(salon, full_name="Grace Hopper")
    for query in ("ada", "LOVE", "07400 555123", "+447400555123", "555123"):
        found = client.get("/customers/", {"search": query}).json()["results"]
        assert [row["id"] for row in found] == [ada.pk], query


@pytest.mark.parametrize("typed", ["lovelace", "555123"])
def test_search_reads_the_index_of_what_is_searched(typed):
    found = CustomerFilter({"search": typed}, queryset=Customer.objects.all()).qs
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_indexscan = off")  # of the key, which would be read from end to end
    plan = found.order_by().explain()
    assert "customer_by_part_of_name" in plan
    assert ("customer_by_part_of_number" in plan) == typed.isdecimal()
