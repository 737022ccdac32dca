"""Whose time visits and blocks take: by whatever door they come, change and go."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from appointment import planning, services
from appointment.models import Appointment, Block, OccupiedTime
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

pytestmark = pytest.mark.django_db

NINE = hours_ahead(240).replace(hour=9, minute=0, second=0)


@pytest.fixture
def salon():
    return make_salon(timezone="UTC")


@pytest.fixture
def owner(salon):
    return make_owner(salon, full_name="Olive Owner")


@pytest.fixture
def colour(salon):
    return make_service(
        salon, duration_minutes=90, gap_after_minutes=30, gap_minutes=30, buffer_after_minutes=10, price="85.00"
    )


def taken():
    """Minutes from nine, of every stretch."""
    stretches = OccupiedTime.objects.order_by("during").values_list("during", flat=True)
    edges = [(each.lower or NINE, each.upper or NINE) for each in stretches]
    return [tuple(int((edge - NINE).total_seconds()) // 60 for edge in pair) for pair in edges]


@pytest.fixture
def booking(salon, owner, colour):
    return services.book(
        salon=salon, user=owner, customer=make_customer(salon), appointment_time=NINE, services=[colour]
    )


def test_visit_takes_its_work_and_buffers_and_leaves_its_gap(booking):
    assert taken() == [(0, 30), (60, 100)]
    assert booking.end_time == NINE + timedelta(minutes=90)


def test_moving_takes_the_time_along_and_keeps_the_length(booking):
    moved = services.change(booking.pk, appointment_time=NINE + timedelta(hours=2))
    assert taken() == [(120, 150), (180, 220)]
    assert moved.end_time == NINE + timedelta(minutes=210)


def test_a_new_end_makes_the_last_service_longer(booking):
    services.change(booking.pk, end_time=NINE + timedelta(minutes=120))
    assert taken() == [(0, 30), (60, 130)]


def test_other_services_take_their_own_time(booking, salon):
    trim = make_service(salon, duration_minutes=15, price="12.00")
    changed = services.change(booking.pk, services=[trim])
    assert taken() == [(0, 15)]
    assert changed.end_time == NINE + timedelta(minutes=15)
    assert Appointment.objects.get().price == 12
    bare = services.change(booking.pk, services=[])
    assert (bare.busy_minutes, bare.price) == (None, None)


@pytest.mark.parametrize("go", [lambda b: services.cancel(b.pk), lambda b: b.delete(), lambda b: b.customer.delete()])
def test_visit_that_goes_gives_its_time_back(booking, go):
    go(booking)
    assert taken() == []


def test_comment_writes_no_time_anew(booking):
    before = set(OccupiedTime.objects.values_list("pk", flat=True))
    services.change(booking.pk, comment="likes tea")
    assert set(OccupiedTime.objects.values_list("pk", flat=True)) == before


def test_person_is_taken_at_every_salon_they_work_for(api, salon, owner, booking):
    elsewhere = make_salon()
    owner.salons.add(elsewhere)
    make_week(elsewhere, owner, "00:00", "00:00")
    body = {
        "salon": elsewhere.pk,
        "user": owner.pk,
        "customer": make_customer(elsewhere).pk,
        "appointment_time": NINE.isoformat(),
        "end_time": (NINE + timedelta(minutes=20)).isoformat(),
    }
    refused = api(owner).post("/appointments/", body)
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (409, "person_taken")
    assert booking.customer.full_name not in refused.content.decode()


def test_salon_that_plans_no_people_books_one_login_at_several_columns(salon, owner):
    for column in (1, 2):
        make_appointment(
            salon=salon, user=owner, column_id=column, appointment_time=NINE, end_time=NINE + timedelta(hours=1)
        )
    assert OccupiedTime.objects.filter(holds_chair=True, holds_person=False).count() == 2


def test_database_refuses_a_person_twice_past_the_rules(salon, owner, booking):
    with pytest.raises(IntegrityError, match="appointment_person_no_overlap"), transaction.atomic():
        Appointment.objects.create(
            salon=salon,
            user=owner,
            customer=booking.customer,
            column_id=2,
            appointment_time=NINE,
            end_time=NINE + timedelta(hours=1),
            busy_minutes=[0, 60],
        )


def test_what_was_written_past_the_hooks_is_given_its_time_even_where_it_overlaps(salon, owner, booking):
    fields = {"salon": salon, "user": owner, "customer": booking.customer}
    hour = {"appointment_time": NINE, "end_time": NINE + timedelta(hours=1)}
    Appointment.objects.bulk_create([Appointment(**fields, **hour), Appointment(**fields, **hour, column_id=2)])
    planning.plan_unplanned()
    held = (
        OccupiedTime.objects.exclude(appointment=booking).order_by("column_id").values_list("column_id", "holds_chair")
    )
    assert list(held) == [(1, False), (2, True)]
    Appointment.objects.filter(column_id=2).update(appointment_time=NINE + timedelta(minutes=30))
    planning.plan_unplanned()
    assert OccupiedTime.objects.get(column_id=2).during.lower == NINE + timedelta(minutes=30)


def test_nobody_makes_an_offer_but_the_waitlist(api, salon, owner, booking):
    answer = api(owner).patch(f"/appointments/{booking.pk}/", {"status": "offered"})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "not_allowed")


# --- Blocks ---------------------------------------------------------------------------------------------


def block(salon, **fields):
    times = {"starts_at": NINE.isoformat(), "ends_at": (NINE + timedelta(minutes=30)).isoformat()}
    return {"salon": salon.pk, **times, **fields}


def test_block_of_a_chair_keeps_bookings_off_and_sends_nothing(api, salon, owner, colour):
    made = api(owner).post("/blocks/", block(salon, column_id=1, label="broken lamp"))
    assert made.status_code == 201
    body = {"salon": salon.pk, "user": owner.pk, "customer": make_customer(salon).pk, "services": [colour.pk]}
    body["appointment_time"] = NINE.isoformat()
    assert api(owner).post("/appointments/", body).json()["errors"][0]["code"] == "slot_taken"
    assert api(owner).post("/appointments/", body | {"column_id": 2}).status_code == 201
    api(owner).patch(f"/blocks/{made.json()['id']}/", {"column_id": 3})
    assert api(owner).post("/appointments/", body | {"user": make_user(salon).pk}).status_code == 201


def test_block_of_a_person_keeps_them_from_every_chair(api, salon, owner, colour):
    api(owner).post("/blocks/", block(salon, user=owner.pk, label="lunch"))
    body = {"salon": salon.pk, "user": owner.pk, "customer": make_customer(salon).pk, "services": [colour.pk]}
    answer = api(owner).post("/appointments/", body | {"appointment_time": NINE.isoformat(), "column_id": 5})
    assert answer.json()["errors"][0]["code"] == "person_taken"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, (400, "blocks_nothing")),
        ({"column_id": 1, "ends_at": NINE.isoformat()}, (400, "ends_before_it_begins")),
        ({"column_id": 1}, (409, "slot_taken")),
    ],
    ids=["of nothing", "of no time", "of a chair that is taken"],
)
def test_block_that_cannot_be_is_refused(api, salon, owner, booking, fields, expected):
    answer = api(owner).post("/blocks/", block(salon, **fields))
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == expected
    assert not Block.objects.exists()


def test_deleted_block_gives_its_time_back(api, salon, owner):
    made = api(owner).post("/blocks/", block(salon, column_id=1)).json()
    assert api(owner).delete(f"/blocks/{made['id']}/").status_code == 204
    assert taken() == []


# --- The states of a visit ------------------------------------------------------------------------------


def test_visit_goes_through_its_states_and_back(api, owner, booking):
    client, path = api(owner), f"/appointments/{booking.pk}"
    for act, status in (("arrive", "arrived"), ("start", "in_service"), ("complete", "completed")):
        assert client.post(f"{path}/{act}/").json()["status"] == status
    assert client.patch(f"{path}/", {"status": "arrived"}).json()["status"] == "arrived"
    assert taken()


def test_cancelled_visit_cannot_arrive(api, owner, booking):
    api(owner).post(f"/appointments/{booking.pk}/cancel/")
    answer = api(owner).post(f"/appointments/{booking.pk}/arrive/")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "not_from_this_state")


def test_arrival_taken_back_sends_no_second_confirmation(api, owner, booking):
    api(owner).post(f"/appointments/{booking.pk}/arrive/")
    api(owner).patch(f"/appointments/{booking.pk}/", {"status": "booked"})
    assert sorted(booking.messages.values_list("kind", "status")) == [
        ("confirmation", "pending"),
        ("reminder", "pending"),
    ]


@pytest.mark.parametrize(
    ("hours", "by_customer", "late"), [(2, True, 1), (2, False, 0), (48, True, 0)], ids=["late", "the salon", "in time"]
)
def test_customer_who_cancels_late_is_counted(api, salon, owner, hours, by_customer, late):
    booking = make_appointment(salon=salon, user=owner, appointment_time=hours_ahead(hours))
    missed = make_appointment(salon=salon, user=owner, customer=booking.customer, appointment_time=hours_ahead(5))
    api(owner).post(f"/appointments/{booking.pk}/cancel/", {"by_customer": by_customer})
    api(owner).post(f"/appointments/{missed.pk}/no-show/")
    shown = api(owner).get(f"/customers/{booking.customer_id}/").json()
    assert (shown["late_cancellations"], shown["no_shows"]) == (late, 1)
    elsewhere = make_salon()
    booking.customer.salons.add(elsewhere)
    stranger = api(make_owner(elsewhere)).get(f"/customers/{booking.customer_id}/").json()
    assert (stranger["late_cancellations"], stranger["no_shows"]) == (0, 0)
