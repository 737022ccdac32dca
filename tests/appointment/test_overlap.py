import threading
from collections import Counter
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from rest_framework.test import APIClient

from appointment.models import Appointment
from schedule.models import Chair
from sms.models import Message
from tests.factories import hours_ahead, make_appointment, make_customer, make_owner, make_salon

CLIENTS = 50


def slot(salon, user, customer, starts_at=None, minutes=30, **fields):
    starts_at = starts_at or hours_ahead(24)
    return {
        "salon": salon.pk,
        "user": user.pk,
        "customer": customer.pk,
        "appointment_time": starts_at.isoformat(),
        "end_time": (starts_at + timedelta(minutes=minutes)).isoformat(),
        **fields,
    }


@pytest.fixture
def parties(db):
    salon = make_salon(timezone="America/New_York")
    return salon, make_owner(salon), make_customer(salon, full_name="Mary Somerville")


@pytest.mark.django_db(transaction=True)
def test_fifty_clients_race_for_one_slot_and_one_wins():
    salon = make_salon()
    owner = make_owner(salon)
    bodies = [slot(salon, owner, make_customer(salon)) for _ in range(CLIENTS)]
    together, statuses = threading.Barrier(CLIENTS), []

    def book(body):
        client = APIClient()
        client.force_authenticate(owner)
        together.wait()
        statuses.append(client.post("/appointments/", body).status_code)
        connection.close()

    threads = [threading.Thread(target=book, args=[body]) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert Counter(statuses) == {201: 1, 409: CLIENTS - 1}
    assert Appointment.objects.count() == 1
    assert Message.objects.filter(kind="confirmation").count() == 1


def test_taken_slot_is_named_in_the_salons_time_and_its_customer_is_not(api, parties):
    salon, owner, customer = parties
    first = api(owner).post("/appointments/", slot(salon, owner, customer)).json()
    answer = api(owner).post("/appointments/", slot(salon, owner, make_customer(salon)))
    assert answer.status_code == 409
    (error,) = answer.json()["errors"]
    begins = Appointment.objects.get(pk=first["id"]).appointment_time.astimezone(salon.zone)
    assert error["code"] == "slot_taken"
    ends = begins + timedelta(minutes=30)
    assert error["detail"].startswith(f"Chair 1 is taken {begins:%H:%M}-{ends:%H:%M} on {begins:%Y-%m-%d}.")
    assert "Mary" not in answer.content.decode()


def test_chair_that_is_taken_goes_by_its_name(api, parties):
    salon, owner, customer = parties
    Chair.objects.create(salon=make_salon(), column_id=1, name="Elsewhere")
    Chair.objects.create(salon=salon, column_id=1, name="Chair by the window")
    api(owner).post("/appointments/", slot(salon, owner, customer))
    answer = api(owner).post("/appointments/", slot(salon, owner, customer))
    assert answer.json()["errors"][0]["detail"].startswith("Chair by the window is taken ")


def test_visits_that_only_touch_do_not_overlap(api, parties):
    salon, owner, customer = parties
    starts_at = hours_ahead(24)
    assert api(owner).post("/appointments/", slot(salon, owner, customer, starts_at)).status_code == 201
    after = slot(salon, owner, customer, starts_at + timedelta(minutes=30))
    assert api(owner).post("/appointments/", after).status_code == 201


@pytest.mark.parametrize("other", [{"column_id": 2}, {"end_time": None}], ids=["another column", "no end"])
def test_no_overlap_with_another_column_or_without_an_end(api, parties, other):
    salon, owner, customer = parties
    assert api(owner).post("/appointments/", slot(salon, owner, customer)).status_code == 201
    assert api(owner).post("/appointments/", slot(salon, owner, customer) | other).status_code == 201


def test_cancelled_visit_frees_its_time(api, parties):
    salon, owner, customer = parties
    first = api(owner).post("/appointments/", slot(salon, owner, customer)).json()
    api(owner).post(f"/appointments/{first['id']}/cancel/")
    assert api(owner).post("/appointments/", slot(salon, owner, customer)).status_code == 201


def test_rebooking_into_taken_time_is_refused(api, parties):
    salon, owner, customer = parties
    first = api(owner).post("/appointments/", slot(salon, owner, customer)).json()
    api(owner).post(f"/appointments/{first['id']}/cancel/")
    api(owner).post("/appointments/", slot(salon, owner, customer))
    assert api(owner).patch(f"/appointments/{first['id']}/", {"status": "booked"}).status_code == 409
    assert Appointment.objects.get(pk=first["id"]).status == "cancelled"


def test_allowed_overlap_is_recorded_and_stands_in_the_way_of_later_bookings(api, parties):
    salon, owner, customer = parties
    starts_at = hours_ahead(24)
    api(owner).post("/appointments/", slot(salon, owner, customer, starts_at))
    beside = slot(salon, owner, customer, starts_at, minutes=60, allow_overlap=True)
    answer = api(owner).post("/appointments/", beside)
    assert answer.status_code == 201
    assert answer.json()["allow_overlap"] is True
    later = slot(salon, owner, customer, starts_at + timedelta(minutes=30))
    assert api(owner).post("/appointments/", later).status_code == 409


def test_moving_into_taken_time_is_refused_and_sends_nothing(api, parties):
    salon, owner, customer = parties
    api(owner).post("/appointments/", slot(salon, owner, customer))
    other = api(owner).post("/appointments/", slot(salon, owner, customer, hours_ahead(48))).json()
    texts = Message.objects.count()
    moved = slot(salon, owner, customer)
    times = {name: moved[name] for name in ("appointment_time", "end_time")}
    assert api(owner).patch(f"/appointments/{other['id']}/", times).status_code == 409
    assert Message.objects.count() == texts


def test_comment_of_an_overlapping_visit_can_still_be_changed(api, parties):
    salon, owner, customer = parties
    first = api(owner).post("/appointments/", slot(salon, owner, customer)).json()
    api(owner).post("/appointments/", slot(salon, owner, customer, allow_overlap=True))
    assert api(owner).patch(f"/appointments/{first['id']}/", {"comment": "likes tea"}).status_code == 200


@pytest.mark.django_db
def test_database_itself_refuses_an_overlap_past_the_rules():
    first = make_appointment(end_time=hours_ahead(25))
    with pytest.raises(IntegrityError, match="appointment_no_overlap"), transaction.atomic():
        make_appointment(salon=first.salon, end_time=hours_ahead(25))
