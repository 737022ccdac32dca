from __future__ import annotations

from datetime import UTC, timedelta

import pytest

from appointment import services as appointments
from tests.factories import make_appointment, make_customer, make_entry, make_owner, make_salon, make_service, make_user
from tests.waitlist.taking import DAY, at, let_hold_end, offered, state_of, take
from waitlist import services
from waitlist.models import Entry

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(api, stylist):
    return api(stylist)


@pytest.fixture
def wish(salon, cut):
    return {
        "salon": salon.pk,
        "customer": make_customer(salon).pk,
        "services": [cut.pk],
        "first_day": str(DAY),
        "last_day": str(DAY),
    }


def codes(answer):
    return [(error["attr"], error["code"]) for error in answer.json()["errors"]]


def test_customer_is_put_on_the_list_with_services_in_their_order(client, salon, wish, cut, stylist):
    colour = make_service(salon)
    body = {**wish, "services": [colour.pk, cut.pk], "user": stylist.pk, "not_before": "17:00"}
    made = client.post("/waitlist/", body)
    assert made.status_code == 201, made.content
    shown = client.get(f"/waitlist/{made.json()['id']}/").json()
    assert (shown["services"], shown["state"], shown["offer"]) == ([colour.pk, cut.pk], "waiting", None)
    assert (shown["not_before"], shown["not_after"], shown["user"]) == ("17:00:00", None, stylist.pk)


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"last_day": str(DAY - timedelta(days=1))}, ("last_day", "ends_before_it_begins")),
        ({"first_day": "2020-01-01", "last_day": "2020-01-02"}, ("last_day", "in_the_past")),
        ({"last_day": "9999-12-31"}, ("last_day", "invalid")),
        ({"not_before": "12:00", "not_after": "12:00"}, ("not_after", "ends_before_it_begins")),
        ({"services": []}, ("services", "empty")),
        ({"services": [0]}, ("services", "does_not_exist")),
        ({"state": "booked"}, None),
        ({"priority": 1}, ("priority", "unknown_field")),
    ],
)
def test_wish_that_cannot_be_is_refused(client, wish, wrong, error):
    answer = client.post("/waitlist/", {**wish, **wrong})
    if error is None:  # read only
        assert answer.json()["state"] == "waiting"
        return
    assert (answer.status_code, error in codes(answer)) == (400, True), answer.content
    assert not Entry.objects.exists()


def test_what_is_of_another_salon_does_not_exist_here(client, wish):
    elsewhere = make_salon(name="Elsewhere")
    for field, value in {
        "salon": elsewhere.pk,
        "customer": make_customer(elsewhere).pk,
        "user": make_user(elsewhere).pk,
        "services": [make_service(elsewhere).pk],
    }.items():
        answer = client.post("/waitlist/", {**wish, field: value})
        assert (answer.status_code, codes(answer)[0][1]) == (400, "does_not_exist"), field
    assert not Entry.objects.exists()


def test_services_are_ten_at_most(client, salon, wish):
    many = [make_service(salon).pk for _ in range(11)]
    assert codes(client.post("/waitlist/", {**wish, "services": many})) == [("services", "too_many")]


def test_customer_and_staff_of_the_callers_other_salon_are_refused(api, salon, wish):
    second = make_salon(name="Second")
    both = api(make_owner(salon, second))
    for field, value in {
        "customer": make_customer(second).pk,
        "user": make_user(second).pk,
        "services": [make_service(second).pk],
    }.items():
        answer = both.post("/waitlist/", {**wish, field: value})
        assert (answer.status_code, codes(answer)[0][1]) == (400, "not_of_this_salon"), field
    assert not Entry.objects.exists()


def test_entries_of_other_salons_are_not_seen(client, salon, cut):
    own, foreign = make_entry(salon, cut), make_entry(make_salon(name="Elsewhere"))
    assert [entry["id"] for entry in client.get("/waitlist/").json()["results"]] == [own.pk]
    for method, path in (("get", ""), ("patch", ""), ("delete", ""), ("post", "accept/"), ("post", "withdraw/")):
        assert getattr(client, method)(f"/waitlist/{foreign.pk}/{path}").status_code == 404
    assert state_of(foreign) == "waiting"


def test_list_is_in_turn_and_filtered(client, salon, cut):
    first, second, gone = make_entry(salon, cut), make_entry(salon, cut), make_entry(salon, cut)
    services.withdraw(gone.pk)

    def found(query):
        return [entry["id"] for entry in client.get(f"/waitlist/?{query}").json()["results"]]

    assert found("") == [first.pk, second.pk, gone.pk]
    assert found("state=waiting") == [first.pk, second.pk]
    assert found(f"customer={second.customer_id}") == [second.pk]
    assert found(f"salon={salon.pk}&state=withdrawn") == [gone.pk]
    assert client.get("/waitlist/?state=bored").status_code == 400


def test_list_costs_the_same_queries_however_long(client, salon, cut, django_assert_max_num_queries):
    for _ in range(6):
        make_entry(salon, cut, make_service(salon))
    with django_assert_max_num_queries(5):
        assert len(client.get("/waitlist/").json()["results"]) == 6


def test_entry_shows_its_offer_and_staff_takes_it_for_the_customer(client, salon, stylist, cut):
    booking = take(salon, stylist, cut)
    entry = make_entry(salon, cut)
    appointments.cancel(booking.pk)
    services.keep_offers()
    shown = client.get(f"/waitlist/{entry.pk}/").json()
    assert (shown["state"], shown["offer"]["outcome"]) == ("offered", "open")
    assert shown["offer"]["starts_at"] == at(salon, "10:00").astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    taken = client.post(f"/waitlist/{entry.pk}/accept/")
    assert (taken.status_code, taken.json()["state"]) == (200, "booked")
    assert taken.json()["offer"] == {**shown["offer"], "outcome": "accepted"}
    assert client.get(f"/appointments/{shown['offer']['appointment']}/").json()["status"] == "booked"


def test_nothing_is_taken_where_nothing_is_kept(client, salon, stylist, cut):
    booking = take(salon, stylist, cut)
    entry = make_entry(salon, cut)
    answer = client.post(f"/waitlist/{entry.pk}/accept/")
    assert (answer.status_code, codes(answer)) == (409, [(None, "not_offered")])
    appointments.cancel(booking.pk)
    services.keep_offers()
    let_hold_end(offered(entry))
    assert client.post(f"/waitlist/{entry.pk}/accept/").status_code == 409


def test_withdrawn_entry_stays_on_record_and_is_over(client, salon, cut):
    entry = make_entry(salon, cut)
    assert client.post(f"/waitlist/{entry.pk}/withdraw/").json()["state"] == "withdrawn"
    assert client.post(f"/waitlist/{entry.pk}/withdraw/").status_code == 200
    answer = client.patch(f"/waitlist/{entry.pk}/", {"last_day": str(DAY)})
    assert (answer.status_code, codes(answer)) == (409, [(None, "entry_over")])


def test_wishes_change_and_the_turn_stays(client, salon, cut):
    first, _ = make_entry(salon, cut), make_entry(salon, cut)
    colour = make_service(salon)
    changed = client.patch(f"/waitlist/{first.pk}/", {"services": [colour.pk, cut.pk], "not_after": "12:00"})
    assert changed.status_code == 200, changed.content
    assert changed.json()["services"] == [colour.pk, cut.pk]
    assert client.get("/waitlist/").json()["results"][0]["id"] == first.pk


def test_deleted_entry_frees_the_time_kept_for_it(client, salon, stylist, cut):
    booking = take(salon, stylist, cut)
    entry = make_entry(salon, cut)
    appointments.cancel(booking.pk)
    services.keep_offers()
    kept = offered(entry).appointment_id
    assert client.delete(f"/waitlist/{entry.pk}/").status_code == 204
    assert client.get(f"/appointments/{kept}/").json()["status"] == "cancelled"


def test_texts_of_an_offered_appointment_show_the_offer(client, salon, stylist, cut):
    booking = take(salon, stylist, cut)
    entry = make_entry(salon, cut)
    appointments.cancel(booking.pk)
    services.keep_offers()
    (text,) = client.get(f"/appointments/{offered(entry).appointment_id}/messages/").json()["results"]
    assert (text["kind"], text["status"]) == ("offer", "pending")
    assert text["preview"] == text["body"]


def test_service_that_somebody_waits_for_is_not_deleted(api, salon, cut):
    make_entry(salon, cut)
    assert api(make_owner(salon)).delete(f"/services/{cut.pk}/").status_code == 409


def test_admin_lists_and_opens_entries(client, admin_client, salon, cut):
    entry = make_entry(salon, cut)
    make_appointment(salon=salon)
    assert admin_client.get("/admin/waitlist/entry/").status_code == 200
    assert admin_client.get(f"/admin/waitlist/entry/{entry.pk}/change/").status_code == 200
