"""What a salon offers and when, through the API."""

from __future__ import annotations

from datetime import date

import pytest

from schedule.models import Service, TimeOff, WorkingHours
from tests.factories import (
    hours_ahead,
    make_customer,
    make_owner,
    make_salon,
    make_service,
    make_user,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def salon():
    return make_salon()


@pytest.fixture
def owner(salon):
    return make_owner(salon)


TOO_EARLY = ("valid_until", "ends_before_it_begins")


def refusal(answer):
    assert answer.status_code == 400, answer.content
    (error,) = answer.json()["errors"]
    return error["attr"], error["code"]


@pytest.mark.parametrize(
    ("path", "changes", "expected"),
    [
        ("services", {"duration_minutes": 0}, ("duration_minutes", "min_value")),
        ("services", {"duration_minutes": 721}, ("duration_minutes", "max_value")),
        ("services", {"gap_minutes": 30, "gap_after_minutes": 30}, ("gap_minutes", "gap_outside_service")),
        ("services", {"gap_minutes": 30}, ("gap_minutes", "gap_outside_service")),
        ("services", {"currency": "gbp"}, ("currency", "invalid")),
        ("services", {"price": "-1"}, ("price", "min_value")),
        ("services", {"colour": "red"}, ("colour", "invalid")),
        ("working-hours", {"closes": "08:00"}, ("closes", "ends_before_it_begins")),
        ("working-hours", {"weekday": 7}, ("weekday", "invalid_choice")),
        ("working-hours", {"valid_from": "2030-02-01", "valid_until": "2030-01-01"}, TOO_EARLY),
        ("special-hours", {"opens": "09:00"}, ("closes", "half_given")),
        ("time-off", {"last_day": "2030-04-30"}, ("last_day", "ends_before_it_begins")),
        ("time-off", {"begins": "15:00", "ends": "14:00"}, ("ends", "ends_before_it_begins")),
        ("chairs", {"column_id": 0}, ("column_id", "min_value")),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_with_what_to_do(api, salon, owner, path, changes, expected):
    right = {
        "services": {"name": "Cut", "duration_minutes": 60},
        "working-hours": {"user": owner.pk, "weekday": 0, "opens": "09:00", "closes": "17:00"},
        "special-hours": {"user": owner.pk, "date": "2030-01-01"},
        "time-off": {"first_day": "2030-05-01", "last_day": "2030-05-01"},
        "chairs": {"name": "Window", "column_id": 1},
    }[path]
    assert refusal(api(owner).post(f"/{path}/", {"salon": salon.pk, **right, **changes})) == expected
    assert api(owner).post(f"/{path}/", {"salon": salon.pk, **right}).status_code == 201


def test_nothing_of_another_salon_can_be_named(api, salon, owner):
    elsewhere = make_salon()
    stranger, service = make_user(elsewhere), make_service(elsewhere)
    both = make_owner(salon, elsewhere)  # sees the stranger and the service, which are not of this salon
    hours = {"salon": salon.pk, "weekday": 0, "opens": "09:00", "closes": "17:00"}
    assert refusal(api(owner).post("/working-hours/", hours | {"user": stranger.pk})) == ("user", "does_not_exist")
    assert refusal(api(both).post("/working-hours/", hours | {"user": stranger.pk})) == ("user", "not_of_this_salon")
    chair = {"salon": salon.pk, "name": "Window", "column_id": 1, "services": [service.pk]}
    assert refusal(api(both).post("/chairs/", chair)) == ("services", "not_of_this_salon")
    moved = api(both).patch(f"/services/{service.pk}/", {"salon": salon.pk})
    assert refusal(moved) == ("salon", "fixed")


def test_service_that_was_booked_is_switched_off_instead_of_deleted(api, salon, owner):
    service = make_service(salon, price="30.00")
    body = {
        "salon": salon.pk,
        "user": owner.pk,
        "customer": make_customer(salon).pk,
        "appointment_time": hours_ahead(30).isoformat(),
        "services": [service.pk],
    }
    booked = api(owner).post("/appointments/", body).json()
    assert api(owner).delete(f"/services/{service.pk}/").json()["errors"][0]["code"] == "in_use"
    api(owner).patch(f"/services/{service.pk}/", {"is_active": False, "price": "99.00", "duration_minutes": 30})
    again = api(owner).post("/appointments/", body | {"column_id": 2})
    assert refusal(again) == ("services", "not_offered")
    kept = api(owner).get(f"/appointments/{booked['id']}/").json()
    assert (kept["price"], kept["end_time"]) == ("30.00", booked["end_time"])


def test_deleting_a_salon_deletes_its_services_booked_or_not(api, salon, owner):
    body = {
        "salon": salon.pk,
        "user": owner.pk,
        "customer": make_customer(salon).pk,
        "appointment_time": hours_ahead(30).isoformat(),
        "services": [make_service(salon).pk],
    }
    booked = api(owner).post("/appointments/", body).json()
    api(owner).post(f"/appointments/{booked['id']}/cancel/")
    assert api(owner).delete(f"/salons/{salon.pk}/").status_code == 204
    assert not Service.objects.exists()


def test_holidays_of_the_salons_country_say_whether_it_is_closed(api, salon, owner):
    TimeOff.objects.create(salon=salon, first_day=date(2026, 12, 25), last_day=date(2026, 12, 25), is_yearly=True)
    found = api(owner).get(f"/salons/{salon.pk}/holidays/", {"year": "2030"}).json()
    closed = {holiday["date"]: holiday["is_closed"] for holiday in found}
    assert (closed["2030-12-25"], closed["2030-12-26"]) == (True, False)
    assert refusal(api(owner).get(f"/salons/{salon.pk}/holidays/", {"year": "soon"})) == ("year", "invalid")


@pytest.mark.parametrize("noun", ["services", "chairs", "working-hours", "special-hours", "time-off", "blocks"])
def test_list_costs_the_same_queries_whatever_its_length(api, salon, owner, noun, django_assert_max_num_queries):
    for number in range(1, 21):
        make_service(salon).people.add(owner)
        WorkingHours.objects.create(salon=salon, user=owner, weekday=number % 7, opens="09:00", closes="10:00")
    with django_assert_max_num_queries(5):
        assert api(owner).get(f"/{noun}/", {"salon": salon.pk}).status_code == 200
