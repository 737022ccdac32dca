"""Bookings over the API: the contract, who sees what, times on the salon's clock, and two requests at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from appointment.models import Appointment
from sms.models import Message
from tests.delivering import deliver_due, ledger_of
from tests.factories import (
    hours_ahead,
    make_appointment,
    make_customer,
    make_owner,
    make_platform_admin,
    make_salon,
    make_user,
)
from tests.racing import race

pytestmark = pytest.mark.django_db


@pytest.fixture
def salon():
    return make_salon(timezone="Europe/London")


@pytest.fixture
def staff(salon):
    return make_user(salon)


@pytest.fixture
def client(api, staff):
    return api(staff)


def body(place, **fields):
    return {
        "salon": place.pk,
        "user": place.staff.first().pk,
        "customer": make_customer(place).pk,
        "appointment_time": hours_ahead(24).isoformat(),
        **fields,
    }


def errors(answer):
    return [(error["attr"], error["code"]) for error in answer.json()["errors"]]


# --- The contract ---------------------------------------------------------------------------------------------


def test_booking_is_made_as_agreed_and_answered_whole(client, salon, staff):
    starts_at = hours_ahead(24)
    sent = body(
        salon,
        appointment_time=starts_at.isoformat(),
        end_time=(starts_at + timedelta(minutes=45)).isoformat(),
        comment="fringe only",
        column_id=2,
    )
    answer = client.post("/appointments/", sent)
    assert answer.status_code == 201
    booking = Appointment.objects.get()
    shown = answer.json()
    expected = {
        "id": booking.pk,
        "salon": salon.pk,
        "user": staff.pk,
        "customer": sent["customer"],
        "appointment_time": f"{starts_at:%Y-%m-%dT%H:%M:%SZ}",
        "comment": "fringe only",
        "column_id": 2,
        "status": "booked",
        "task_id": booking.task_id,
    }
    assert {name: shown[name] for name in expected} == expected
    assert [kind for kind, _, _ in ledger_of(booking)] == ["confirmation", "reminder"]
    assert client.get(f"/appointments/{booking.pk}/").json() == shown


def test_everything_that_may_be_left_out_may_be_left_out(client, salon):
    shown = client.post("/appointments/", body(salon)).json()
    assert (shown["end_time"], shown["comment"], shown["column_id"]) == (None, "", 1)


def test_list_has_the_agreed_shape(client, salon):
    booking = make_appointment(salon=salon)
    answer = client.get("/appointments/").json()
    assert sorted(answer) == ["count", "next", "previous", "results"]
    assert (answer["count"], answer["next"], answer["previous"]) == (1, None, None)
    assert answer["results"][0]["id"] == booking.pk


def test_pages_are_of_the_size_asked_for_up_to_200(client, salon):
    customer, user = make_customer(salon), make_user(salon)
    Appointment.objects.bulk_create(
        Appointment(salon=salon, customer=customer, user=user, appointment_time=hours_ahead(n)) for n in range(1, 206)
    )
    assert len(client.get("/appointments/").json()["results"]) == 50
    assert len(client.get("/appointments/?page_size=1000").json()["results"]) == 200
    assert len(client.get("/appointments/?page_size=200&page=2").json()["results"]) == 5


@pytest.mark.parametrize("field", ["task_id", "texts_planned_for", "created", "nonsense"])
def test_fields_that_are_unknown_or_not_the_clients_change_nothing(client, salon, field):
    answer = client.post("/appointments/", body(salon, **{field: "2030-01-01T00:00:00Z"}))
    if answer.status_code == 201:
        assert answer.json()[field] != "2030-01-01T00:00:00Z"
    else:
        assert errors(answer) == [(field, "unknown_field")]
        assert Appointment.objects.count() == 0


@pytest.mark.parametrize("field", ["salon", "user", "customer", "appointment_time"])
def test_missing_field_is_named(client, salon, field):
    sent = body(salon)
    del sent[field]
    answer = client.post("/appointments/", sent)
    assert (answer.status_code, errors(answer)) == (400, [(field, "required")])


@pytest.mark.parametrize("garbage", [b"{", b"[1]", b'"text"', b"\xff"])
def test_body_that_is_no_object_is_refused(client, garbage):
    assert client.post("/appointments/", garbage, content_type="application/json").status_code == 400


@pytest.mark.parametrize("act", ["complete", "no-show"])
@pytest.mark.parametrize("garbage", [b"{", b"[1]", b'{"reason": "late"}'])
def test_act_that_asks_for_nothing_refuses_what_is_sent_with_it(client, salon, act, garbage):
    booking = make_appointment(salon=salon)
    answer = client.post(f"/appointments/{booking.pk}/{act}/", garbage, content_type="application/json")
    assert answer.status_code == 400
    booking.refresh_from_db()
    assert booking.status == "booked"


def test_error_of_the_api_has_one_shape(client):
    answer = client.get("/appointments/999999/")
    assert answer.status_code == 404
    assert sorted(answer.json()) == ["errors", "type"]


# --- What is owed -------------------------------------------------------------------------------------------------


def test_patch_of_the_time_plans_anew_and_patch_of_the_comment_does_not(client, salon):
    booking = make_appointment(salon=salon)
    assert client.patch(f"/appointments/{booking.pk}/", {"comment": "x"}).status_code == 200
    assert len(ledger_of(booking)) == 2
    moved = client.patch(f"/appointments/{booking.pk}/", {"appointment_time": hours_ahead(30).isoformat()})
    assert moved.status_code == 200
    assert len(ledger_of(booking)) == 4
    assert moved.json()["task_id"] == str(Message.objects.get(kind="reminder", status="pending").pk)


def test_same_moment_in_another_offset_is_no_move(client, salon):
    booking = make_appointment(salon=salon)
    same = booking.appointment_time.astimezone(ZoneInfo("Asia/Tokyo")).isoformat()
    client.patch(f"/appointments/{booking.pk}/", {"appointment_time": same})
    assert len(ledger_of(booking)) == 2


def test_delete_answers_204_and_tells_the_customer(client, salon):
    booking = make_appointment(salon=salon)
    booking_id = booking.pk
    assert client.delete(f"/appointments/{booking_id}/").status_code == 204
    assert ledger_of(booking_id)[-1] == ("cancellation", "pending", "")
    assert client.delete(f"/appointments/{booking_id}/").status_code == 404


def test_put_replaces_the_whole(client, salon):
    booking = make_appointment(salon=salon, comment="old")
    sent = body(salon, customer=booking.customer_id, appointment_time=booking.appointment_time.isoformat())
    answer = client.put(f"/appointments/{booking.pk}/", sent)
    assert answer.status_code == 200
    assert len(ledger_of(booking)) == 2


# --- Who sees what ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["get", "patch", "put", "delete"])
@pytest.mark.parametrize("path", ["", "messages/"])
def test_booking_of_another_salon_does_not_exist(client, method, path):
    booking = make_appointment()
    answer = getattr(client, method)(f"/appointments/{booking.pk}/{path}", {"comment": "mine now"})
    assert answer.status_code in ((404,) if path == "" or method == "get" else (404, 405))
    booking.refresh_from_db()
    assert booking.comment == ""
    assert len(ledger_of(booking)) == 2


def test_lists_show_the_callers_salons_alone_and_all_to_a_platform_admin(api, client, salon):
    mine, other = make_appointment(salon=salon), make_appointment()
    assert [row["id"] for row in client.get("/appointments/").json()["results"]] == [mine.pk]
    everything = api(make_platform_admin()).get("/appointments/").json()
    assert {row["id"] for row in everything["results"]} == {mine.pk, other.pk}


def test_member_of_two_salons_sees_each_booking_once(api, salon):
    elsewhere = make_salon()
    user = make_user(salon, elsewhere)
    for place in (salon, salon, elsewhere):
        make_appointment(salon=place)
    assert api(user).get("/appointments/").json()["count"] == 3


@pytest.mark.parametrize("field", ["salon", "user", "customer"])
def test_foreign_object_in_a_body_is_refused_like_one_that_does_not_exist(client, salon, field):
    elsewhere = make_salon()
    foreign = {"salon": elsewhere, "user": make_user(elsewhere), "customer": make_customer(elsewhere)}[field]
    real = client.post("/appointments/", body(salon, **{field: foreign.pk}))
    missing = client.post("/appointments/", body(salon, **{field: 10**7}))
    assert real.status_code == missing.status_code == 400
    assert errors(real) == errors(missing) == [(field, "does_not_exist")]
    assert str(foreign.pk) in str(real.json())
    assert str(real.json()).replace(str(foreign.pk), "N") == str(missing.json()).replace(str(10**7), "N")
    assert Appointment.objects.count() == 0


@pytest.mark.parametrize("field", ["user", "customer"])
def test_customer_and_staff_must_be_of_the_bookings_salon(api, salon, field):
    elsewhere = make_salon()
    client = api(make_user(salon, elsewhere))
    other = {"user": make_user(elsewhere), "customer": make_customer(elsewhere)}[field]
    answer = client.post("/appointments/", body(salon, **{field: other.pk}))
    assert (answer.status_code, errors(answer)) == (400, [(field, "not_of_this_salon")])


# --- Times --------------------------------------------------------------------------------------------------------


def test_time_without_an_offset_is_read_on_the_salons_clock(api):
    salon = make_salon(timezone="America/New_York")
    client = api(make_user(salon))
    day = hours_ahead(72).date()
    shown = client.post("/appointments/", body(salon, appointment_time=f"{day}T14:30")).json()
    local = datetime(day.year, day.month, day.day, 14, 30, tzinfo=ZoneInfo("America/New_York"))
    assert datetime.fromisoformat(shown["appointment_time"]) == local


def next_year():
    return datetime.now(UTC).year + 1


def change_days(zone):
    """The next year's hours of spring and autumn change: the local day and the UTC offset on either side."""
    clock = ZoneInfo(zone)
    moment, found = datetime(next_year(), 1, 1, tzinfo=UTC), []
    while moment.year == next_year():
        if (moment - timedelta(hours=1)).astimezone(clock).utcoffset() != moment.astimezone(clock).utcoffset():
            found.append(moment)
        moment += timedelta(hours=1)
    return found


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize(("zone", "skipped", "doubled"), [("Europe/London", 1, 1), ("America/New_York", 2, 1)])
def test_hour_that_the_clock_shows_never_or_twice_needs_its_offset(api, zone, skipped, doubled, which):
    salon = make_salon(timezone=zone)
    client = api(make_user(salon))
    day = change_days(zone)[which].astimezone(ZoneInfo(zone)).date()
    hour = (skipped, doubled)[which]
    answer = client.post("/appointments/", body(salon, appointment_time=f"{day}T0{hour}:30"))
    assert (answer.status_code, errors(answer)) == (400, [("appointment_time", "ambiguous_time")])
    assert client.post("/appointments/", body(salon, appointment_time=f"{day}T0{hour}:30+00:00")).status_code == 201
    assert client.post("/appointments/", body(salon, appointment_time=f"{day}T0{hour + 3}:30")).status_code == 201


@pytest.mark.parametrize(
    "moment", ["0001-01-01T00:00", "9999-12-31T23:59", "9999-12-31T23:59:59Z", "0001-01-01T00:00+14:00", "10000-01-01"]
)
@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Tokyo"])
def test_moments_at_the_ends_of_the_calendar_are_refused(api, moment, zone):
    salon = make_salon(timezone=zone)
    answer = api(make_user(salon)).post("/appointments/", body(salon, appointment_time=moment))
    assert answer.status_code == 400
    assert errors(answer)[0][0] == "appointment_time"


def test_visit_in_the_past_is_refused(client, salon):
    answer = client.post("/appointments/", body(salon, appointment_time=hours_ahead(-1).isoformat()))
    assert (answer.status_code, errors(answer)) == (400, [("appointment_time", "in_the_past")])
    assert Message.objects.count() == 0


def test_visit_in_the_past_may_be_commented_and_not_moved_within_the_past(client, salon):
    booking = make_appointment(salon=salon, appointment_time=hours_ahead(-2))
    assert client.patch(f"/appointments/{booking.pk}/", {"comment": "late"}).status_code == 200
    moved = client.patch(f"/appointments/{booking.pk}/", {"appointment_time": hours_ahead(-1).isoformat()})
    assert (moved.status_code, errors(moved)) == (400, [("appointment_time", "in_the_past")])


@pytest.mark.parametrize("hours", [24, 23])
def test_end_must_follow_the_beginning(client, salon, hours):
    answer = client.post("/appointments/", body(salon, end_time=hours_ahead(hours).isoformat()))
    assert (answer.status_code, errors(answer)) == (400, [("end_time", "ends_before_it_begins")])


def test_move_past_the_end_alone_is_refused(client, salon):
    booking = make_appointment(salon=salon, end_time=hours_ahead(25))
    answer = client.patch(f"/appointments/{booking.pk}/", {"appointment_time": hours_ahead(26).isoformat()})
    assert (answer.status_code, errors(answer)) == (400, [("end_time", "ends_before_it_begins")])
    assert len(ledger_of(booking)) == 2


# --- Filters ------------------------------------------------------------------------------------------------------


def test_a_day_begins_and_ends_at_each_salons_own_midnight(api):
    london, tokyo = make_salon(timezone="Europe/London"), make_salon(timezone="Asia/Tokyo")
    client = api(make_user(london, tokyo))
    day = hours_ahead(96).date()

    def at(salon, hour, minute, days=0):
        zone = ZoneInfo(salon.timezone)
        moment = datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone) + timedelta(days=days)
        return make_appointment(salon=salon, appointment_time=moment.astimezone(UTC)).pk

    inside = {at(salon, *moment) for salon in (london, tokyo) for moment in ((0, 0), (23, 59))}
    for salon in (london, tokyo):
        at(salon, 23, 59, -1)
        at(salon, 0, 0, 1)
    assert {row["id"] for row in client.get(f"/appointments/?date={day}").json()["results"]} == inside


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01", "2030-02-30", "tomorrow"])
def test_day_outside_the_calendar_is_refused_or_empty_and_never_a_fault(client, salon, day):
    answer = client.get(f"/appointments/?date={day}")
    assert answer.status_code in (200, 400)
    if answer.status_code == 200:
        assert answer.json()["count"] == 0


def test_filters_narrow_the_list(client, salon):
    booking = make_appointment(salon=salon, column_id=2)
    other = make_appointment(salon=salon, status="booked")
    for query in (f"customer={booking.customer_id}", f"user={booking.user_id}", "column_id=2"):
        assert [row["id"] for row in client.get(f"/appointments/?{query}").json()["results"]] == [booking.pk]
    other.status = "cancelled"
    other.save()
    assert [row["id"] for row in client.get("/appointments/?status=cancelled").json()["results"]] == [other.pk]


# --- Messages -----------------------------------------------------------------------------------------------------


def test_messages_tell_every_text_of_a_booking_oldest_first_with_state_and_reason(client, salon, twilio):
    booking = make_appointment(salon=salon)
    deliver_due()
    booking.appointment_time += timedelta(hours=1)
    booking.save()
    answer = client.get(f"/appointments/{booking.pk}/messages/").json()
    assert answer["count"] == 4
    assert [(row["kind"], row["status"], row["reason"]) for row in answer["results"]] == ledger_of(booking)
    first = answer["results"][0]
    assert first["sid"] == twilio.messages()[0]["sid"]
    assert first["body"] == twilio.messages()[0]["body"]
    assert first["segments"] == 1


def test_messages_are_read_only(client, salon):
    booking = make_appointment(salon=salon)
    for method in ("post", "patch", "delete", "put"):
        assert getattr(client, method)(f"/appointments/{booking.pk}/messages/", {}).status_code == 405


# --- Cost ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/appointments/", "/appointments/{first}/messages/", "/salons/", "/customers/"])
def test_list_costs_the_same_for_one_row_and_for_fifty(api, path, django_assert_num_queries):
    owner = make_owner()
    client = api(owner)

    def add():
        salon = make_salon()
        owner.salons.add(salon)
        booking = make_appointment(salon=salon)
        for number in range(3):
            booking.appointment_time += timedelta(hours=number + 1)
            booking.save()
        return booking

    first = add()
    path = path.format(first=first.pk)
    client.get(path)
    with CaptureQueriesContext(connection) as one:
        client.get(path)
    for _ in range(12):
        add()
    with django_assert_num_queries(len(one)):
        assert client.get(path).status_code == 200


# --- At once ------------------------------------------------------------------------------------------------------


def patch_at_once(user, booking_id, *changes):
    def patch(change):
        client = APIClient()
        client.force_authenticate(user)
        return client.patch(f"/appointments/{booking_id}/", change, format="json").status_code

    return race(*[lambda change=change: patch(change) for change in changes])


@pytest.mark.django_db(transaction=True)
def test_two_requests_that_change_different_fields_at_once_lose_neither(queues, twilio):
    salon = make_salon()
    user = make_user(salon)
    for _ in range(5):
        twilio.reset()
        booking = make_appointment(salon=salon)
        deliver_due()
        later = booking.appointment_time + timedelta(hours=3)
        assert patch_at_once(
            user, booking.pk, {"appointment_time": later.isoformat()}, {"comment": "both"}, {"column_id": 7}
        ) == [200, 200, 200]
        booking.refresh_from_db()
        assert (booking.appointment_time, booking.comment, booking.column_id) == (later, "both", 7)
        deliver_due()
        assert len(twilio.messages()) == 2
        waiting = Message.objects.filter(booking=booking, status="pending")
        assert [(row.kind, row.visit_at) for row in waiting] == [("reminder", later)]


@pytest.mark.django_db(transaction=True)
def test_move_and_cancellation_at_once_end_with_what_the_booking_says(queues, twilio):
    salon = make_salon()
    user = make_user(salon)
    booking = make_appointment(salon=salon)
    deliver_due()
    patch_at_once(user, booking.pk, {"appointment_time": hours_ahead(40).isoformat()}, {"status": "cancelled"})
    deliver_due()
    deliver_due()
    booking.refresh_from_db()
    assert booking.status == "cancelled"
    bodies = [text["body"] for text in twilio.messages()]
    assert bodies[-1].endswith("has been cancelled.")
    assert sum(text.endswith("has been cancelled.") for text in bodies) == 1
    assert not Message.objects.filter(booking=booking, status="pending").exists()


@pytest.mark.django_db(transaction=True)
def test_change_of_a_booking_that_is_being_deleted_is_answered_404(queues):
    salon = make_salon()
    user = make_user(salon)
    for _ in range(5):
        booking = make_appointment(salon=salon)

        def delete(booking_id=booking.pk):
            client = APIClient()
            client.force_authenticate(user)
            return client.delete(f"/appointments/{booking_id}/").status_code

        def change(booking_id=booking.pk):
            client = APIClient()
            client.force_authenticate(user)
            return client.patch(f"/appointments/{booking_id}/", {"comment": "x"}, format="json").status_code

        deleted, *changed = race(delete, change, change)
        assert deleted == 204
        assert set(changed) <= {200, 404}
