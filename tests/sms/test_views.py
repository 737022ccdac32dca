from datetime import timedelta

import pytest

from tests.factories import hours_ahead, make_appointment, make_owner

pytestmark = pytest.mark.django_db


def test_ledger_shows_the_callers_salons_only(api):
    mine, other = make_appointment(), make_appointment()
    listed = api(make_owner(mine.salon)).get("/messages/").json()
    assert listed["count"] == 2
    assert {text["booking"] for text in listed["results"]} == {mine.pk}
    assert other.messages.count() == 2


@pytest.mark.parametrize(
    ("query", "kinds"),
    [
        ({"kind": "reminder"}, ["reminder"]),
        ({"state": "pending"}, ["reminder", "confirmation"]),
        ({"state": "sent"}, []),
        ({"from": (hours_ahead(1)).isoformat()}, ["reminder"]),
        ({"to": (hours_ahead(1)).isoformat()}, ["confirmation"]),
        ({"salon": 0}, []),
    ],
    ids=lambda value: ",".join(map(str, value)),
)
def test_ledger_is_filtered(api, query, kinds):
    booking = make_appointment()
    listed = api(make_owner(booking.salon)).get("/messages/", query).json()
    assert [text["kind"] for text in listed["results"]] == kinds


def test_ledger_takes_the_same_number_of_queries_however_long(api, django_assert_num_queries):
    booking = make_appointment()
    client = api(make_owner(booking.salon))
    for count in (0, 20):
        for number in range(count):
            make_appointment(
                salon=booking.salon, appointment_time=booking.appointment_time + timedelta(hours=number + 1)
            )
        with django_assert_num_queries(3):
            client.get("/messages/")
