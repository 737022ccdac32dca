"""A form that is sent twice does what it says once."""

from __future__ import annotations

import re
from typing import Any

import pytest

from appointment.models import Appointment
from customer.models import Customer
from sms.models import Message
from tests.factories import make_customer, make_phone_number, make_salon, make_user
from tests.racing import race

KEY = "0123456789abcdef" * 2


class Form:
    """Side by side with others, so that nothing but the key keeps it from booking twice."""

    def __init__(self, **fields: Any) -> None:
        self.salon = make_salon(timezone="UTC")
        self.staff = make_user(self.salon)
        self.path = f"/desk/{self.salon.pk}/book/"
        self.fields = {
            "who": "known",
            "customer": make_customer(self.salon).pk,
            "date": "2030-07-01",
            "time": "10:00",
            "minutes": "45",
            "column_id": "1",
            "user": self.staff.pk,
            "allow_overlap": "on",
            "once": KEY,
            **fields,
        }


@pytest.mark.django_db
def test_form_comes_with_a_key_of_its_own(desk: Any) -> None:
    form = Form()
    client = desk(form.staff)
    keys = {re.findall(r'name="once" value="(.*?)"', client.get(form.path).content.decode())[0] for _ in range(2)}
    assert len(keys) == 2
    assert {len(key) for key in keys} == {32}


@pytest.mark.django_db
def test_form_sent_twice_books_once_and_both_lead_to_the_visit(desk: Any) -> None:
    form = Form()
    client = desk(form.staff)
    answers = [client.post(form.path, form.fields | {"csrfmiddlewaretoken": token}) for token in ("a", "b")]
    visit = Appointment.objects.get()
    assert {answer["Location"] for answer in answers} == {f"/desk/{form.salon.pk}/visits/{visit.pk}/"}
    assert Message.objects.filter(kind="confirmation").count() == 1


@pytest.mark.django_db(transaction=True)
def test_double_click_books_once_and_the_second_waits_for_the_first(desk: Any, queues: Any) -> None:
    form = Form(who="new", full_name="Grace", phone_number=make_phone_number())
    clients = [desk(form.staff) for _ in range(4)]
    answers = race(*[lambda client=client: client.post(form.path, form.fields) for client in clients])
    assert {answer.status_code for answer in answers} == {302}
    assert Appointment.objects.count() == 1
    assert Customer.objects.filter(full_name="Grace").count() == 1
    assert Message.objects.filter(kind="confirmation").count() == 1


@pytest.mark.django_db
def test_refused_form_is_put_right_under_the_same_key(desk: Any) -> None:
    form = Form()
    client = desk(form.staff)
    refused = client.post(form.path, form.fields | {"date": "2020-01-01"})
    assert (refused.status_code, f'name="once" value="{KEY}"' in refused.content.decode()) == (422, True)
    assert client.post(form.path, form.fields).status_code == 302
    assert Appointment.objects.count() == 1


@pytest.mark.django_db
def test_form_changed_after_it_had_booked_asks_once_more_and_keeps_what_was_typed(desk: Any) -> None:
    form = Form()
    client = desk(form.staff)
    client.post(form.path, form.fields)
    changed = form.fields | {"time": "15:00", "comment": "Typed"}
    answer = client.post(form.path, changed)
    page = answer.content.decode()
    assert (answer.status_code, "saved already" in page, "Typed" in page) == (409, True, True)
    assert Appointment.objects.count() == 1
    new_key = re.findall(r'name="once" value="(.*?)"', page)[0]
    assert new_key != KEY
    assert client.post(form.path, changed | {"once": new_key}).status_code == 302
    assert Appointment.objects.count() == 2


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["", "x", "Z" * 32, "a" * 5000])
def test_form_without_a_usable_key_books_all_the_same(desk: Any, key: str) -> None:
    form = Form(once=key)
    assert desk(form.staff).post(form.path, form.fields).status_code == 302
    assert Appointment.objects.count() == 1


@pytest.mark.django_db
def test_key_of_somebody_else_is_not_taken_for_mine(desk: Any) -> None:
    form = Form()
    colleague = make_user(form.salon)
    for user in (form.staff, colleague):
        assert desk(user).post(form.path, form.fields).status_code == 302
    assert Appointment.objects.count() == 2


@pytest.mark.django_db
def test_visit_deleted_since_is_not_booked_anew(desk: Any) -> None:
    form = Form()
    client = desk(form.staff)
    client.post(form.path, form.fields)
    Appointment.objects.get().delete()
    answer = client.post(form.path, form.fields, follow=True)
    assert "has been deleted since" in answer.content.decode()
    assert Appointment.objects.count() == 0
