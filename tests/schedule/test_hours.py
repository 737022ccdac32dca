from __future__ import annotations

from datetime import date, time, timedelta

import pytest

from schedule import hours
from schedule.models import SpecialHours, TimeOff, WorkingHours
from schedule.spans import moment
from tests.factories import make_salon, make_user

pytestmark = pytest.mark.django_db

MONDAY = date(2027, 6, 7)


@pytest.fixture
def salon():
    return make_salon(timezone="Europe/London")


@pytest.fixture
def sam(salon):
    sam = make_user(salon, full_name="Sam Reid")
    for opens, closes in ((9, 13), (14, 18)):
        WorkingHours.objects.create(salon=salon, user=sam, weekday=0, opens=time(opens), closes=time(closes))
    return sam


def shown(salon, spans):
    return " ".join(
        f"{moment(begins).astimezone(salon.zone):%H:%M}-{moment(ends).astimezone(salon.zone):%H:%M}"
        for begins, ends in spans
    )


def day(salon, person, on=MONDAY):
    return shown(salon, hours.rota(salon, [person.pk], on, on).bookable(person.pk))


def test_week_has_its_hours_with_a_break_and_its_days_off(salon, sam):
    assert day(salon, sam) == "09:00-13:00 14:00-18:00"
    assert day(salon, sam, MONDAY + timedelta(days=1)) == ""


def test_hours_hold_from_their_first_day_to_their_last(salon, sam):
    WorkingHours.objects.update(valid_from=MONDAY, valid_until=MONDAY + timedelta(days=7))
    expected = {-7: "", 0: "09:00-13:00 14:00-18:00", 7: "09:00-13:00 14:00-18:00", 14: ""}
    assert {days: day(salon, sam, MONDAY + timedelta(days=days)) for days in expected} == expected


def test_special_hours_take_the_place_of_the_week(salon, sam):
    SpecialHours.objects.create(salon=salon, user=sam, date=MONDAY, opens=time(11), closes=time(0))
    assert day(salon, sam) == "11:00-00:00"
    SpecialHours.objects.update(opens=None, closes=None)
    assert day(salon, sam) == ""
    assert day(salon, sam, MONDAY + timedelta(days=7)) == "09:00-13:00 14:00-18:00"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"first_day": MONDAY, "last_day": MONDAY}, ""),
        ({"first_day": MONDAY, "last_day": MONDAY, "begins": time(10), "ends": time(15)}, "09:00-10:00 15:00-18:00"),
        ({"first_day": MONDAY - timedelta(days=3), "last_day": MONDAY, "ends": time(16)}, "16:00-18:00"),
        ({"first_day": MONDAY, "last_day": MONDAY + timedelta(days=3), "begins": time(12)}, "09:00-12:00"),
        ({"first_day": date(2020, 6, 6), "last_day": date(2020, 6, 8), "is_yearly": True}, ""),
        ({"first_day": date(2020, 6, 8), "last_day": date(2020, 6, 8), "is_yearly": True}, "09:00-13:00 14:00-18:00"),
        ({"first_day": date(2020, 12, 20), "last_day": date(2021, 6, 8), "is_yearly": True}, ""),
    ],
    ids=["day", "part of a day", "until", "from", "yearly", "another day", "across the new year"],
)
def test_time_off_of_a_person_and_of_the_whole_salon(salon, sam, fields, expected):
    off = TimeOff.objects.create(salon=salon, user=sam, **fields)
    assert day(salon, sam) == expected
    off.user = None
    off.save()
    assert day(salon, sam) == expected


def test_leap_day_off_every_year_is_the_28th_in_others(salon, sam):
    TimeOff.objects.create(
        salon=salon, user=sam, first_day=date(2024, 2, 29), last_day=date(2024, 2, 29), is_yearly=True
    )
    WorkingHours.objects.create(salon=salon, user=sam, weekday=6, opens=time(9), closes=time(10))
    assert day(salon, sam, date(2027, 2, 28)) == ""  # a Sunday


def test_time_off_of_one_is_not_that_of_another(salon, sam):
    other = make_user(salon)
    WorkingHours.objects.create(salon=salon, user=other, weekday=0, opens=time(9), closes=time(10))
    TimeOff.objects.create(salon=salon, user=sam, first_day=MONDAY, last_day=MONDAY)
    assert (day(salon, sam), day(salon, other)) == ("", "09:00-10:00")


def test_nine_stays_nine_when_the_clocks_change(salon, sam):
    for on, utc in ((date(2027, 3, 22), "09:00"), (date(2027, 3, 29), "08:00")):
        begins, _ = hours.rota(salon, [sam.pk], on, on).bookable(sam.pk)[0]
        assert f"{moment(begins):%H:%M}" == utc


def test_person_without_hours_is_in_no_rota(salon):
    nobody = make_user(salon)
    assert nobody.pk not in hours.rota(salon, [nobody.pk], MONDAY, MONDAY).working
    assert not hours.has_hours(salon.pk, nobody.pk)


def test_number_of_queries_does_not_depend_on_people_or_days(salon, sam, django_assert_num_queries):
    people = [sam, *(make_user(salon) for _ in range(5))]
    for person in people:
        WorkingHours.objects.create(salon=salon, user=person, weekday=2, opens=time(9), closes=time(10))
        SpecialHours.objects.create(salon=salon, user=person, date=MONDAY)
        TimeOff.objects.create(salon=salon, user=person, first_day=MONDAY, last_day=MONDAY)
    salon.zone  # noqa: B018
    with django_assert_num_queries(3):
        hours.rota(salon, [person.pk for person in people], MONDAY, MONDAY + timedelta(days=27))
