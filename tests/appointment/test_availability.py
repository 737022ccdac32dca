from __future__ import annotations

from datetime import datetime, time, timedelta

import pytest

from appointment.models import Appointment, OccupiedTime
from schedule.models import Chair, TimeOff
from tests.factories import (
    hours_ahead,
    make_appointment,
    make_customer,
    make_owner,
    make_salon,
    make_service,
    make_user,
    make_week,
)
from tests.racing import race

pytestmark = pytest.mark.django_db

CLIENTS = 50
DAY = hours_ahead(240).date()


def moment(salon, clock, day=DAY):
    return datetime.combine(day, time.fromisoformat(clock), salon.zone)


@pytest.fixture
def salon(db):
    return make_salon(timezone="Europe/London")


@pytest.fixture
def owner(salon):
    owner = make_owner(salon, full_name="Olive Owner")
    make_week(salon, owner)
    return owner


def ask(client, salon, **query):
    answer = client.get(f"/salons/{salon.pk}/availability/", {"from": DAY.isoformat(), **query})
    assert answer.status_code == 200, answer.content
    return answer.json()


def clocks(salon, slots):
    return [
        datetime.fromisoformat(slot["starts_at"]).astimezone(salon.zone).strftime("%H:%M")
        for person in slots
        for slot in person["slots"]
    ]


def test_empty_day_is_offered_from_opening_to_the_last_start_that_fits(api, salon, owner):
    service = make_service(salon, duration_minutes=60, buffer_after_minutes=15)
    offered = clocks(salon, ask(api(owner), salon, services=service.pk))
    assert (offered[0], offered[-1], len(offered)) == ("09:00", "15:45", 28)


def test_slot_from_the_answer_books_person_chair_and_time(api, salon, owner):
    service = make_service(salon, duration_minutes=45, price="30.00")
    slot = ask(api(owner), salon, services=service.pk)[0]["slots"][0]
    body = {"salon": salon.pk, "customer": make_customer(salon).pk, "services": [service.pk], "slot": slot["slot"]}
    answer = api(owner).post("/appointments/", body)
    assert answer.status_code == 201, answer.content
    booked = answer.json()
    assert booked["appointment_time"] == slot["starts_at"]
    assert booked["end_time"] == slot["ends_at"]
    assert (booked["user"], booked["column_id"], booked["price"]) == (owner.pk, 1, "30.00")
    assert slot not in ask(api(owner), salon, services=service.pk)[0]["slots"]


def test_processing_gap_of_one_visit_is_offered_to_another(api, salon, owner):
    colour = make_service(salon, duration_minutes=90, gap_after_minutes=30, gap_minutes=30)
    trim = make_service(salon, duration_minutes=30)
    body = {"salon": salon.pk, "customer": make_customer(salon).pk, "user": owner.pk, "services": [colour.pk]}
    first = api(owner).post("/appointments/", {**body, "appointment_time": moment(salon, "09:00").isoformat()})
    assert first.status_code == 201
    offered = clocks(salon, ask(api(owner), salon, services=trim.pk))
    assert [clock for clock in offered if clock < "10:30"] == ["09:30"]
    body |= {"services": [trim.pk], "appointment_time": moment(salon, "09:30").isoformat()}
    assert api(owner).post("/appointments/", body).status_code == 201


def test_person_is_in_one_place_only(api, salon, owner):
    body = {"salon": salon.pk, "user": owner.pk, "customer": make_customer(salon).pk}
    times = {
        "appointment_time": moment(salon, "10:00").isoformat(),
        "end_time": moment(salon, "11:00").isoformat(),
    }
    assert api(owner).post("/appointments/", body | times | {"column_id": 1}).status_code == 201
    refused = api(owner).post("/appointments/", body | times | {"column_id": 2})
    assert refused.status_code == 409
    assert refused.json()["errors"][0]["code"] == "person_taken"
    assert [slot["starts_at"] for slot in refused.json()["alternatives"]]


@pytest.mark.parametrize("clock", ["08:30", "16:30"])
def test_outside_working_hours_is_refused_with_alternatives_unless_an_owner_says_so(api, salon, owner, clock):
    staff = make_user(salon)
    body = {
        "salon": salon.pk,
        "user": owner.pk,
        "customer": make_customer(salon).pk,
        "services": [make_service(salon).pk],
        "appointment_time": moment(salon, clock).isoformat(),
    }
    refused = api(staff).post("/appointments/", body)
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["code"] == "outside_working_hours"
    assert len(refused.json()["alternatives"]) == 3
    assert api(staff).post("/appointments/", body | {"allow_outside_hours": True}).status_code == 400
    booked = api(owner).post("/appointments/", body | {"allow_outside_hours": True})
    assert (booked.status_code, booked.json()["allow_outside_hours"]) == (201, True)


@pytest.mark.django_db(transaction=True)
def test_fifty_race_for_the_last_slot_and_one_wins(api):
    salon = make_salon()
    owner = make_owner(salon)
    make_week(salon, owner, "09:00", "10:40")
    service = make_service(salon, duration_minutes=90, buffer_after_minutes=10, gap_after_minutes=30, gap_minutes=30)
    slots = ask(api(owner), salon, services=service.pk)[0]["slots"]
    assert len(slots) == 1
    bodies = [
        {"salon": salon.pk, "customer": make_customer(salon).pk, "services": [service.pk], "slot": slots[0]["slot"]}
        for _ in range(CLIENTS)
    ]
    answers = race(*(lambda body=body: api(owner).post("/appointments/", body) for body in bodies), seconds=60)
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * (CLIENTS - 1)
    assert Appointment.objects.count() == 1
    assert OccupiedTime.objects.count() == 2  # before the gap and after it
    assert all(answer.json()["alternatives"] for answer in answers if answer.status_code == 409)


def test_number_of_queries_does_not_depend_on_how_much_there_is(api, salon, owner, django_assert_num_queries):
    service = make_service(salon)
    query = {"services": service.pk, "to": (DAY + timedelta(days=6)).isoformat()}
    with django_assert_num_queries(11) as few:
        ask(api(owner), salon, **query)
    for hour in range(9, 16):
        for day in range(7):
            person = make_user(salon)
            make_week(salon, person)
            make_appointment(
                salon=salon,
                user=person,
                column_id=day + 1,
                appointment_time=moment(salon, f"{hour:02}:00", DAY + timedelta(days=day)),
                end_time=moment(salon, f"{hour:02}:30", DAY + timedelta(days=day)),
            )
    with django_assert_num_queries(len(few)):
        ask(api(owner), salon, **query)


def test_day_has_everything_on_it(api, salon, owner):
    booking = make_appointment(
        salon=salon, user=owner, appointment_time=moment(salon, "10:00"), end_time=moment(salon, "11:00")
    )
    day = api(owner).get(f"/salons/{salon.pk}/day/", {"date": DAY.isoformat()}).json()
    (visit,) = day["visits"]
    assert visit["booking"]["id"] == booking.pk
    assert {text["kind"] for text in visit["texts"]} == {"confirmation", "reminder"}
    times = {"begins_at": visit["booking"]["appointment_time"], "ends_at": visit["booking"]["end_time"]}
    assert visit["busy"] == [times]
    opens = datetime.fromisoformat(day["people"][0]["working"][0]["begins_at"])
    assert opens == moment(salon, "09:00")


@pytest.mark.parametrize(("whose", "code"), [("person", "time_off"), ("salon", "salon_closed")])
def test_person_away_or_salon_closed_is_refused_even_where_nobody_has_hours(api, salon, whose, code):
    owner = make_owner(salon)
    TimeOff.objects.create(salon=salon, user=owner if whose == "person" else None, first_day=DAY, last_day=DAY)
    body = {
        "salon": salon.pk,
        "user": owner.pk,
        "customer": make_customer(salon).pk,
        "appointment_time": moment(salon, "10:00").isoformat(),
    }
    answer = api(owner).post("/appointments/", body)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, code)


def test_person_who_does_not_do_the_service_is_refused_with_who_does(api, salon, owner):
    sam = make_user(salon, full_name="Sam Reid")
    make_week(salon, sam)
    service = make_service(salon)
    service.people.add(sam)
    body = {
        "salon": salon.pk,
        "user": owner.pk,
        "customer": make_customer(salon).pk,
        "services": [service.pk],
        "appointment_time": moment(salon, "10:00").isoformat(),
    }
    refused = api(owner).post("/appointments/", body)
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (400, "not_done_by_person")
    assert {slot["user"] for slot in refused.json()["alternatives"]} == {sam.pk}
    assert ask(api(owner), salon, services=service.pk, user=owner.pk) == []


def test_chair_where_it_is_not_done_is_refused_and_not_offered(api, salon, owner):
    service = make_service(salon)
    basin = Chair.objects.create(salon=salon, column_id=1, name="Basin")
    basin.services.add(make_service(salon))
    Chair.objects.create(salon=salon, column_id=2, name="Window")
    body = {
        "salon": salon.pk,
        "user": owner.pk,
        "customer": make_customer(salon).pk,
        "services": [service.pk],
        "appointment_time": moment(salon, "10:00").isoformat(),
        "column_id": 1,
    }
    refused = api(owner).post("/appointments/", body)
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (400, "not_at_this_chair")
    assert {column for slot in refused.json()["alternatives"] for column in slot["column_ids"]} == {2}
