from __future__ import annotations

from typing import Any

import pytest

from customer.duplicates import likely_duplicates
from customer.models import Customer
from sms import opt_outs
from sms.models import Message
from tests.factories import make_appointment, make_customer, make_salon, make_user

pytestmark = pytest.mark.django_db


def path(salon: Any, customer: Any, rest: str = "") -> str:
    return f"/desk/{salon.pk}/people/{customer.pk}/merge/{rest}"


@pytest.mark.parametrize(
    ("name", "is_alike"),
    [
        ("Ada Lovelace", True),
        ("ada lovelace", True),
        ("Lovelace, Ada", True),
        ("Ada Lovelase", True),
        ("Áda Lovelâce", True),
        ("Adam Smith", False),
        ("Grace Hopper", False),
        ("", False),
    ],
)
def test_likely_duplicate_has_nearly_the_same_name(name: str, is_alike: bool) -> None:
    salon = make_salon()
    ada, other = make_customer(salon, full_name="Ada Lovelace"), make_customer(salon, full_name=name)
    make_customer(make_salon(), full_name="Ada Lovelace")
    assert likely_duplicates(ada, salon) == ([other] if is_alike else [])


def test_customer_without_a_name_is_like_nobody() -> None:
    salon = make_salon()
    make_customer(salon, full_name="")
    assert likely_duplicates(make_customer(salon, full_name=""), salon) == []


def test_customers_page_shows_who_is_likely_the_same_and_leads_to_both_side_by_side(desk: Any) -> None:
    salon = make_salon()
    client = desk(make_user(salon))
    ada = make_customer(salon)
    twin = make_customer(salon, full_name="Ada Lovelase")
    way = path(salon, ada, f"?other={twin.pk}")
    assert way in client.get(f"/desk/{salon.pk}/people/{ada.pk}/").content.decode()
    assert way in client.get(path(salon, ada)).content.decode()
    page = client.get(way).content.decode()
    assert (str(ada.phone_number) in page, str(twin.phone_number) in page) == (True, True)
    assert Customer.objects.count() == 2


def test_typing_finds_others_of_this_salon_only(desk: Any) -> None:
    salon = make_salon()
    client, ada = desk(make_user(salon)), make_customer(salon)
    grace = make_customer(salon, full_name="Grace Hopper")
    foreign = make_customer(make_salon(), full_name="Grace Elsewhere")
    page = client.get(path(salon, ada, "suggest/?search=grace")).content.decode()
    assert (f"other={grace.pk}" in page, f"other={foreign.pk}" in page) == (True, False)
    assert f"other={ada.pk}" not in client.get(path(salon, ada, "suggest/?search=ada")).content.decode()


def test_name_and_number_that_were_chosen_stay(desk: Any) -> None:
    salon = make_salon()
    client, ada = desk(make_user(salon)), make_customer(salon)
    visit = make_appointment(salon=salon, customer=make_customer(salon, full_name="Countess Ada"))
    twin = visit.customer
    answer = client.post(path(salon, ada), {"other": twin.pk, "name_of": "other", "number_of": "other"})
    assert answer["Location"] == f"/desk/{salon.pk}/people/{ada.pk}/"
    ada.refresh_from_db()
    assert (ada.full_name, ada.phone_number) == ("Countess Ada", twin.phone_number)
    assert Message.objects.filter(customer_id=ada.pk).count() == 2
    page = client.get(f"/desk/{salon.pk}/people/{ada.pk}/").content.decode()
    assert f"/visits/{visit.pk}/" in page


def test_stop_is_told_before(desk: Any, settings: Any) -> None:
    settings.TWILIO_PHONE_NUMBER = "+447700900000"
    salon = make_salon()
    client, ada, twin = desk(make_user(salon)), make_customer(salon), make_customer(salon)
    assert "STOP" not in client.get(path(salon, ada, f"?other={twin.pk}")).content.decode()
    opt_outs.record(str(twin.phone_number), source="STOP")
    assert "STOP" in client.get(path(salon, ada, f"?other={twin.pk}")).content.decode()


def test_customer_of_a_foreign_salon_too_stays_and_the_page_says_why(desk: Any) -> None:
    salon = make_salon()
    client, ada, twin = desk(make_user(salon)), make_customer(salon), make_customer(salon, make_salon())
    answer = client.post(path(salon, ada), {"other": twin.pk, "name_of": "other"})
    assert (answer.status_code, "salon that you do not work for" in answer.content.decode()) == (409, True)
    assert Customer.objects.count() == 2


@pytest.mark.parametrize("other", ["", "0", "x", "self", "foreign"])
def test_nobody_to_merge_with_leads_back_to_the_choice(desk: Any, other: str) -> None:
    salon = make_salon()
    client, ada = desk(make_user(salon)), make_customer(salon)
    foreign = make_customer(make_salon())
    value = {"self": ada.pk, "foreign": foreign.pk}.get(other, other)
    answer = client.post(path(salon, ada), {"other": value})
    assert (answer.status_code, "With whom?" in answer.content.decode()) == (200, True)
    assert Customer.objects.count() == 2
