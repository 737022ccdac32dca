"""What happens to series that are made, changed and cancelled at the same moment as others, or as a single visit."""

from __future__ import annotations

from datetime import time, timedelta

import pytest
from django.db import transaction
from rest_framework.test import APIClient

from appointment import series, services
from appointment.models import Appointment, OccupiedTime, Series
from salon.models import Salon
from sms.models import Message
from tests.factories import hours_ahead, make_customer, make_salon, make_series, make_user, make_week
from tests.racing import in_thread, race, wait_for_lock

pytestmark = pytest.mark.django_db(transaction=True)

TEN_DAYS = "FREQ=DAILY;COUNT=10"


def body(salon, user, first, rule=TEN_DAYS, **fields):
    return {
        "salon": salon.pk,
        "user": user.pk,
        "customer": make_customer(salon).pk,
        "appointment_time": first.isoformat(),
        "end_time": (first + timedelta(hours=1)).isoformat(),
        "rule": rule,
        **fields,
    }


def posting(user, path, sent):
    def post():
        client = APIClient()
        client.force_authenticate(user)
        return client.post(path, sent)

    return post


def test_two_series_for_one_chair_at_once_are_one_series(queues):
    salon = make_salon()
    people = [make_user(salon) for _ in range(4)]
    first = hours_ahead(30)
    answers = race(*[posting(user, "/series/", body(salon, user, first)) for user in people])
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    for answer in answers:
        if answer.status_code == 409:
            assert answer.json()["errors"][0]["code"] == "visits_clash"
            assert len(answer.json()["clashes"]) == 10
    assert Series.objects.count() == 1
    assert (Appointment.objects.count(), OccupiedTime.objects.count()) == (10, 10)
    assert Message.objects.filter(kind="confirmation").count() == 1


def test_series_of_the_same_people_at_each_others_chairs_do_not_wait_for_each_other_for_ever(queues):
    """Given two people and two chairs in every combination, when all are asked for at once, then nothing deadlocks."""
    salon = make_salon()
    people = [make_user(salon) for _ in range(2)]
    for user in people:
        make_week(salon, user, "00:00", "00:00")
    first = hours_ahead(30)
    asked = [body(salon, user, first, column_id=chair) for user in people for chair in (1, 2)]
    answers = race(*[posting(people[0], "/series/", sent) for sent in asked * 2])
    statuses = [answer.status_code for answer in answers]
    assert set(statuses) == {201, 409}
    assert 1 <= statuses.count(201) <= 2
    assert Appointment.objects.count() == 10 * statuses.count(201)


def test_series_that_change_places_at_once_neither_deadlock_nor_overlap(queues):
    salon = make_salon()
    user = make_user(salon)
    first = hours_ahead(30)
    ours = [make_series(salon, TEN_DAYS, user=user, appointment_time=first, column_id=chair) for chair in (1, 2, 3)]
    targets = {ours[0]: 2, ours[1]: 3, ours[2]: 1}
    answers = race(
        *[
            posting(user, f"/series/{one.pk}/change/", {"column_id": chair, "shift_days": shift})
            for one, chair in targets.items()
            for shift in (0, 1)
        ]
    )
    assert {answer.status_code for answer in answers} <= {200, 409}
    columns = {one: set(one.visits.values_list("column_id", flat=True)) for one in ours}
    assert all(len(of_one) == 1 for of_one in columns.values())  # a series moves as a whole or not at all
    assert OccupiedTime.objects.count() == 30


def test_series_spread_over_the_same_chairs_in_opposite_order_move_without_deadlock(queues):
    salon = make_salon()
    user = make_user(salon)
    first = hours_ahead(30)
    ours, theirs = (
        make_series(salon, "FREQ=DAILY;COUNT=3", user=user, column_id=column_id, appointment_time=first)
        for column_id in (1, 2)
    )
    series.change(ours.pk, time_of_day=time(9))
    series.change(theirs.pk, time_of_day=time(14))
    for one, other_column in ((ours, 2), (theirs, 1)):
        services.change(one.visits.get(series_position=3).pk, column_id=other_column)

    def move(one, *hours):
        for hour in hours:
            series.change(one.pk, time_of_day=time(hour), include_changed_alone=True)

    race(lambda: move(ours, *[10, 9] * 4), lambda: move(theirs, *[15, 14] * 4), seconds=60)
    assert OccupiedTime.objects.count() == 6


def test_single_visits_moved_while_their_series_is_do_not_deadlock(queues):
    """A change of one visit holds its row and waits for a chair; one of all must not hold chairs and wait for rows."""
    salon = make_salon()
    user = make_user(salon)
    one = make_series(salon, TEN_DAYS, user=user)
    visits = list(one.visits.order_by("-series_position"))

    def move_each(column_id):
        for visit in visits:
            services.change(visit.pk, column_id=column_id)

    def move_all(column_id):
        series.change(one.pk, column_id=column_id, include_changed_alone=True)

    def set_minutes(minutes):
        fresh = Salon.objects.get(pk=salon.pk)
        fresh.reminder_time_minutes = minutes
        fresh.save()

    race(
        lambda: move_each(1),
        lambda: move_each(2),
        lambda: [move_all(column_id) for column_id in (1, 2, 1)],
        lambda: [move_all(column_id) for column_id in (2, 1, 2)],
        lambda: [set_minutes(minutes) for minutes in range(10, 30)],
        seconds=60,
    )
    assert OccupiedTime.objects.count() == 10


def test_series_cancelled_while_the_minutes_change_does_not_deadlock(queues):
    """Both touch every reminder, and in orders of their own: those of the last visits are the oldest here."""
    salon = make_salon()
    user = make_user(salon)
    ours = [make_series(salon, TEN_DAYS, user=user, column_id=chair) for chair in (1, 2, 3)]
    for visit in Appointment.objects.order_by("-series_position"):
        later = {name: getattr(visit, name) + timedelta(hours=1) for name in ("appointment_time", "end_time")}
        services.change(visit.pk, **later)

    def set_minutes(minutes):
        fresh = Salon.objects.get(pk=salon.pk)
        fresh.reminder_time_minutes = minutes
        fresh.save()

    race(
        *[lambda one=one: series.cancel(one.pk) for one in ours],
        lambda: [set_minutes(minutes) for minutes in range(10, 30)],
        lambda: [set_minutes(minutes) for minutes in range(30, 50)],
        seconds=60,
    )
    assert set(Appointment.objects.values_list("status", flat=True)) == {"cancelled"}
    assert not Message.objects.filter(kind="reminder", status="pending").exists()
    assert Message.objects.filter(kind="cancellation").count() == 30


def test_booking_made_while_a_series_takes_the_time_is_refused(queues):
    salon = make_salon()
    user = make_user(salon)
    first = hours_ahead(30)
    late = first + timedelta(days=4)
    sent = body(salon, user, late)
    del sent["rule"]
    with transaction.atomic():
        make_series(salon, TEN_DAYS, user=user, appointment_time=first)
        booked = in_thread(posting(user, "/appointments/", sent))
        wait_for_lock()
    assert booked.result(10).status_code == 409


def test_preview_does_not_wait_for_a_series_being_made(queues):
    salon = make_salon()
    user = make_user(salon)
    first = hours_ahead(30)
    sent = body(salon, user, first)
    with transaction.atomic():
        make_series(salon, TEN_DAYS, user=user, appointment_time=first)
        seen = in_thread(posting(user, "/series/preview/", sent)).result(10)
    assert [visit["can_be_booked"] for visit in seen.json()] == [True] * 10


def test_repeated_request_with_its_key_makes_one_series(queues):
    salon = make_salon()
    user = make_user(salon)
    sent = body(salon, user, hours_ahead(30))

    def post():
        client = APIClient()
        client.force_authenticate(user)
        return client.post("/series/", sent, headers={"Idempotency-Key": "one-series"})

    answers = [post(), post()]
    assert {(answer.status_code, answer.json()["id"]) for answer in answers} == {(201, Series.objects.get().pk)}
