"""Two records of one person become one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.db import IntegrityError, transaction

from appointment import history, services
from appointment.models import Appointment
from appointment.rules import RuleBroken
from customer import merging
from customer.models import Customer
from sms import opt_outs
from sms.models import InboundMessage, Message
from tests.delivering import deliver_due, ledger_of, make_due
from tests.factories import (
    hours_ahead,
    make_appointment,
    make_customer,
    make_entry,
    make_offered_entry,
    make_platform_admin,
    make_salon,
    make_series,
    make_service,
    make_user,
)
from tests.racing import in_thread, race, wait_for_lock

pytestmark = pytest.mark.django_db


@pytest.fixture
def salon():
    return make_salon()


@pytest.fixture
def client(api, salon):
    return api(make_user(salon))


def errors(answer):
    return [(error["attr"], error["code"]) for error in answer.json()["errors"]]


def merge(client, kept, dropped, **fields):
    return client.post(f"/customers/{kept.pk}/merge/", {"other": dropped.pk, **fields})


def waiting(customer_id):
    rows = Message.objects.filter(customer_id=customer_id, status="pending").order_by("id")
    return [(row.booking_id, row.kind, row.to) for row in rows]


def test_everything_of_the_one_becomes_the_others(client, salon):
    user, service = make_user(salon), make_service(salon)
    kept = make_customer(salon, full_name="Ada Lovelace")
    visit = make_appointment(salon=salon, user=user, comment="kept")
    other = visit.customer
    missed = make_appointment(salon=salon, user=user, customer=other, appointment_time=hours_ahead(50))
    services.note_no_show(missed.pk)
    series = make_series(salon, user=user, customer=other, column_id=5)
    entry = make_entry(salon, service, customer=other)
    text = Message.objects.filter(booking_id=visit.pk).order_by("id")[0]
    InboundMessage.objects.create(
        sid="SM1", sender="+447700900000", phone_number=text.to, received_at=hours_ahead(0), in_reply_to=text
    )
    Customer.objects.filter(pk=other.pk).update(created=hours_ahead(-1000))
    answer = merge(client, kept, other)
    assert (answer.status_code, answer.json()["no_shows"], answer.json()["full_name"]) == (200, 1, "Ada Lovelace")
    assert answer["ETag"] == client.get(f"/customers/{kept.pk}/")["ETag"]
    assert client.get(f"/customers/{other.pk}/").status_code == 404
    assert client.get("/appointments/", {"customer": kept.pk}).json()["count"] == 5
    assert client.get(f"/series/{series.pk}/").json()["customer"] == kept.pk
    assert {visit.series_id for visit in kept.appointments.filter(series=series)} == {series.pk}
    assert client.get(f"/waitlist/{entry.pk}/").json()["customer"] == kept.pk
    assert client.get(f"/appointments/{visit.pk}/messages/").json()["results"][0]["replies"][0]["id"]
    assert Message.objects.filter(customer_id=other.pk).count() == 0
    assert Appointment.history.filter(customer_id=other.pk).count() == 0
    assert [entry["action"] for entry in history.entries(visit.pk)] == ["created"]
    kept.refresh_from_db()
    assert kept.created < hours_ahead(-900)


def test_nothing_that_names_a_customer_is_forgotten():
    """A new key to a customer is told to `customer.merging`, or this fails."""
    concerned = {
        field.model
        for model in apps.get_models()
        for field in model._meta.get_fields()
        if field.concrete and field.remote_field is not None and field.remote_field.model is Customer
    }
    assert concerned == {belongings.model for belongings in merging.all_belongings()}
    assert len(concerned) == 5


def test_texts_still_to_come_go_once_to_the_number_kept_and_no_new_one_is_planned(client, salon, queues, twilio):
    kept, other = make_customer(salon), make_customer(salon)
    visit = make_appointment(salon=salon, customer=other)
    deliver_due()
    before = ledger_of(visit)
    assert merge(client, kept, other).status_code == 200
    assert ledger_of(visit) == before
    assert waiting(kept.pk) == [(visit.pk, "reminder", str(kept.phone_number))]
    make_due(Message.objects.get(booking=visit, kind="reminder"))
    deliver_due()
    deliver_due()
    to = [text["to"] for text in twilio.messages()]
    assert sorted(to) == sorted([str(other.phone_number), str(kept.phone_number)])


def test_number_and_name_of_the_other_can_be_kept(client, salon):
    kept, other = make_customer(salon, full_name="A. L."), make_customer(salon, full_name="Ada Lovelace")
    mine = make_appointment(salon=salon, customer=kept)
    answer = merge(client, kept, other, full_name="Ada Lovelace", phone_number=str(other.phone_number))
    assert answer.status_code == 200
    assert (answer.json()["full_name"], answer.json()["phone_number"]) == ("Ada Lovelace", str(other.phone_number))
    assert {to for _, _, to in waiting(kept.pk)} == {str(other.phone_number)}
    assert len(ledger_of(mine)) == 2


def test_cancellation_that_waits_for_the_dropped_number_reaches_the_kept_one(client, salon, queues, twilio):
    kept, other = make_customer(salon), make_customer(salon)
    visit = make_appointment(salon=salon, customer=other)
    services.cancel(visit.pk)
    merge(client, kept, other)
    deliver_due()
    assert [text["to"] for text in twilio.messages()] == [str(kept.phone_number)]


def test_cancellation_for_both_of_one_visit_is_told_once(client, salon, queues, twilio):
    """Given a visit taken from the one, given to the other and cancelled, both wait to hear of it."""
    kept, other = make_customer(salon), make_customer(salon)
    visit = make_appointment(salon=salon, customer=other)
    services.change(visit.pk, customer=kept)
    services.cancel(visit.pk)
    assert Message.objects.filter(kind="cancellation", status="pending").count() == 2
    assert merge(client, kept, other).status_code == 200
    deliver_due()
    assert [text["to"] for text in twilio.messages()] == [str(kept.phone_number)]
    assert Message.objects.filter(kind="cancellation", status="pending").count() == 0


def test_visit_given_by_the_one_to_the_other_is_not_called_cancelled(client, salon, queues, twilio):
    kept, other = make_customer(salon), make_customer(salon)
    visit = make_appointment(salon=salon, customer=other)
    services.change(visit.pk, customer=kept)
    merge(client, kept, other)
    deliver_due()
    assert ["confirmed" in text["body"] for text in twilio.messages()] == [True]


def test_time_kept_by_the_waitlist_stays_kept(client, salon):
    kept = make_customer(salon)
    entry = make_offered_entry(salon, make_user(salon))
    assert merge(client, kept, entry.customer).status_code == 200
    assert client.post(f"/waitlist/{entry.pk}/accept/").status_code == 200
    assert Appointment.objects.get(customer=kept).status == "booked"


@pytest.mark.parametrize("who", ["kept", "other"])
def test_stop_on_either_phone_holds_for_the_number_kept(client, salon, settings, who):
    settings.TWILIO_PHONE_NUMBER = "+447700900000"
    pair = {"kept": make_customer(salon), "other": make_customer(salon)}
    opt_outs.record(str(pair[who].phone_number), source="STOP")
    answer = merge(client, pair["kept"], pair["other"])
    assert answer.json()["opted_out"] is True
    assert opt_outs.is_opted_out(str(pair["kept"].phone_number))
    assert opt_outs.is_opted_out(str(pair["other"].phone_number)) is (who == "other")


def test_merging_without_a_stop_opts_nobody_out(client, salon):
    assert merge(client, make_customer(salon), make_customer(salon)).json()["opted_out"] is False


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"phone_number": "+447400999999"}, ("phone_number", "not_theirs")),
        ({"phone_number": "nonsense"}, ("phone_number", "invalid")),
        ({"name": "Ada"}, ("name", "unknown_field")),
        ({"other": 10**9}, ("other", "does_not_exist")),
    ],
)
def test_request_that_is_not_right_names_the_field(client, salon, fields, error):
    kept, other = make_customer(salon), make_customer(salon)
    answer = merge(client, kept, other, **fields)
    assert (answer.status_code, errors(answer)) == (400, [error])
    assert Customer.objects.count() == 2


def test_customer_is_not_merged_with_themselves(client, salon):
    kept = make_customer(salon)
    answer = merge(client, kept, kept)
    assert (answer.status_code, errors(answer)) == (400, [("other", "same_customer")])
    assert Customer.objects.filter(pk=kept.pk).exists()


def test_customer_of_another_salon_does_not_exist(client, salon):
    mine, foreign = make_customer(salon), make_customer(make_salon())
    assert errors(merge(client, mine, foreign)) == [("other", "does_not_exist")]
    assert merge(client, foreign, mine).status_code == 404
    assert Customer.objects.count() == 2


@pytest.mark.parametrize("shared", ["kept", "other"])
def test_customer_whom_a_foreign_salon_has_too_is_left_as_they_are(client, salon, shared):
    elsewhere = make_salon()
    pair = {"kept": make_customer(salon), "other": make_customer(salon)}
    pair[shared].salons.add(elsewhere)
    answer = merge(client, pair["kept"], pair["other"], full_name="Changed")
    assert (answer.status_code, errors(answer)) == (409, [(None, "customer_of_another_salon")])
    assert set(Customer.objects.values_list("full_name", flat=True)) == {"Ada Lovelace"}


@pytest.mark.parametrize("shared", ["kept", "other"])
def test_visit_in_a_foreign_salons_books_is_enough_to_refuse(client, salon, shared):
    elsewhere = make_salon()
    pair = {"kept": make_customer(salon), "other": make_customer(salon)}
    pair[shared].salons.add(elsewhere)
    make_appointment(salon=elsewhere, customer=pair[shared])
    pair[shared].salons.remove(elsewhere)
    assert merge(client, pair["kept"], pair["other"]).status_code == 409
    assert Customer.objects.count() == 2


def test_salon_that_is_gone_keeps_nobody_from_merging(client, salon):
    elsewhere = make_salon()
    other = make_customer(salon, elsewhere)
    make_appointment(salon=elsewhere, customer=other)
    elsewhere.delete()
    assert merge(client, make_customer(salon), other).status_code == 200


def test_who_works_for_all_of_their_salons_merges_them(api):
    here, there = make_salon(), make_salon()
    for user in (make_user(here, there), make_platform_admin()):
        kept, other = make_customer(here), make_customer(there)
        assert merge(api(user), kept, other).status_code == 200
        assert set(kept.salons.all()) == {here, there}


def test_number_kept_that_somebody_else_has_at_one_of_the_salons_is_refused(api):
    here, there = make_salon(), make_salon()
    kept, other = make_customer(here), make_customer(there)
    taken = make_customer(there, phone_number=str(kept.phone_number))
    answer = merge(api(make_user(here, there)), kept, other)
    assert (answer.status_code, errors(answer)) == (409, [(None, "phone_number_taken")])
    assert f"Customer {taken.pk} " in answer.json()["errors"][0]["detail"]
    assert set(other.salons.all()) == {there}


def test_old_version_is_not_merged_into(client, salon):
    kept, other = make_customer(salon), make_customer(salon)
    etag = client.get(f"/customers/{kept.pk}/")["ETag"]
    client.patch(f"/customers/{kept.pk}/", {"full_name": "Changed"})
    answer = client.post(f"/customers/{kept.pk}/merge/", {"other": other.pk}, headers={"If-Match": etag})
    assert answer.status_code == 412
    assert Customer.objects.count() == 2


def test_repeated_with_its_key_it_gets_the_first_answer(client, salon):
    kept, other = make_customer(salon), make_customer(salon)
    answers = [
        client.post(f"/customers/{kept.pk}/merge/", {"other": other.pk}, headers={"Idempotency-Key": "merge-1"})
        for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].content == answers[1].content


def test_calendars_and_open_pages_see_the_change(client, salon):
    visit = make_appointment(salon=salon)
    before = (visit.calendar_sequence, visit.modified)
    merge(client, make_customer(salon), visit.customer)
    visit.refresh_from_db()
    assert visit.calendar_sequence == before[0] + 1
    assert visit.modified > before[1]


# --- At once ------------------------------------------------------------------------------------------


def merged(kept, other):
    """What became of it: the customer kept, or that one of the two was gone."""
    try:
        return merging.merge(kept.pk, other.pk, visible=None)
    except merging.Gone:
        return None


@pytest.mark.django_db(transaction=True)
def test_two_who_merge_the_same_two_the_other_way_round_leave_one(queues):
    salon = make_salon()
    for _ in range(5):
        one, two = make_customer(salon), make_customer(salon)
        visits = [make_appointment(salon=salon, customer=each) for each in (one, two)]
        done = race(lambda: merged(one, two), lambda: merged(two, one))  # noqa: B023
        (left,) = [each for each in done if each is not None]
        assert {Appointment.objects.get(pk=visit.pk).customer_id for visit in visits} == {left.pk}
        assert Customer.objects.filter(pk__in=[one.pk, two.pk]).count() == 1


@pytest.mark.django_db(transaction=True)
def test_three_records_merged_crosswise_at_once_lose_nothing(queues):
    salon = make_salon()
    people = [make_customer(salon) for _ in range(3)]
    visits = [make_appointment(salon=salon, customer=each) for each in people]
    a, b, c = people
    race(lambda: merged(a, b), lambda: merged(b, c), lambda: merged(c, a))
    owners = {Appointment.objects.get(pk=visit.pk).customer_id for visit in visits}
    assert owners <= set(Customer.objects.values_list("pk", flat=True))
    assert Message.objects.filter(status="pending", kind="reminder").count() == 3


@pytest.mark.django_db(transaction=True)
def test_booking_that_is_being_made_is_waited_for_and_moves_too(queues):
    salon = make_salon()
    kept, other, user = make_customer(salon), make_customer(salon), make_user(salon)
    fields: Any = {"salon": salon, "user": user, "customer": other, "appointment_time": hours_ahead(24)}
    with transaction.atomic():
        booking = services.book(**fields)
        merging_it = in_thread(lambda: merged(kept, other))
        wait_for_lock()
    assert merging_it.result(10) == kept
    booking.refresh_from_db()
    assert booking.customer_id == kept.pk
    assert waiting(kept.pk) == [(booking.pk, kind, str(kept.phone_number)) for kind in ("confirmation", "reminder")]


@pytest.mark.django_db(transaction=True)
def test_booking_that_comes_while_they_are_merged_is_refused_and_told_why(queues):
    salon = make_salon()
    kept, other, user = make_customer(salon), make_customer(salon), make_user(salon)
    fields: Any = {"salon": salon, "user": user, "customer": other, "appointment_time": hours_ahead(24)}
    with transaction.atomic():
        merged(kept, other)
        booking_it = in_thread(lambda: services.book(**fields))
        wait_for_lock()
    with pytest.raises(RuleBroken) as refused:
        booking_it.result(10)
    assert refused.value.code == "not_of_this_salon"
    assert Appointment.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_visits_moved_while_their_customers_are_merged_neither_deadlock_nor_get_lost(queues):
    salon = make_salon()
    kept, other, user = make_customer(salon), make_customer(salon), make_user(salon)
    visits = [
        make_appointment(salon=salon, customer=other, user=user, appointment_time=hours_ahead(30 + number))
        for number in range(6)
    ]

    def move():
        for visit in visits:
            services.change(visit.pk, appointment_time=visit.appointment_time + timedelta(days=3))

    def give():
        for visit in reversed(visits):
            try:
                services.change(visit.pk, customer=kept)
            except (RuleBroken, IntegrityError):
                raise AssertionError("the kept customer was always there") from None

    race(move, give, lambda: merged(kept, other))
    assert set(Appointment.objects.values_list("customer_id", flat=True)) == {kept.pk}
    due = Message.objects.filter(kind="reminder", status="pending")
    assert sorted(due.values_list("booking_id", flat=True)) == [visit.pk for visit in visits]
    assert {to for _, _, to in waiting(kept.pk)} == {str(kept.phone_number)}


@pytest.mark.django_db(transaction=True)
def test_entry_that_comes_while_they_are_merged_is_refused_and_told_why(api, queues):
    salon = make_salon()
    kept, other, service = make_customer(salon), make_customer(salon), make_service(salon)
    client, day = api(make_user(salon)), hours_ahead(48).date().isoformat()
    entry = {"salon": salon.pk, "customer": other.pk, "services": [service.pk], "first_day": day, "last_day": day}
    with transaction.atomic():
        merged(kept, other)
        waits = in_thread(lambda: client.post("/waitlist/", entry))
        wait_for_lock()
    answer = waits.result(10)
    assert (answer.status_code, errors(answer)) == (409, [(None, "customer_gone")])
