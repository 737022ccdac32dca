import pytest

from customer.models import Customer
from tests.factories import make_customer, make_owner, make_salon

pytestmark = pytest.mark.django_db


def test_number_of_another_customer_of_the_salon_is_refused_with_that_customers_id(api):
    salon = make_salon()
    existing = make_customer(salon, phone_number="+447400111222")
    body = {"full_name": "Twin", "phone_number": "07400 111222", "salon_ids": [salon.pk]}
    answer = api(make_owner(salon)).post("/customers/", body)
    assert answer.status_code == 409
    (error,) = answer.json()["errors"]
    assert error["code"] == "phone_number_taken"
    assert f"Customer {existing.pk} " in error["detail"]
    assert Customer.objects.count() == 1


def test_same_number_in_another_salon_is_accepted(api):
    salon = make_salon()
    make_customer(make_salon(), phone_number="+447400111222")
    body = {"full_name": "Twin", "phone_number": "+447400111222", "salon_ids": [salon.pk]}
    assert api(make_owner(salon)).post("/customers/", body).status_code == 201


def test_joining_a_salon_where_the_number_is_taken_is_refused(api):
    first, second = make_salon(), make_salon()
    make_customer(first, phone_number="+447400111222")
    joining = make_customer(second, phone_number="+447400111222")
    client = api(make_owner(first, second))
    answer = client.patch(f"/customers/{joining.pk}/", {"salon_ids": [first.pk, second.pk]})
    assert answer.status_code == 409
    assert list(joining.salons.all()) == [second]


def test_changing_the_salons_leaves_those_that_the_caller_cannot_see(api):
    mine, theirs = make_salon(name="Mine"), make_salon(name="Theirs")
    other = make_salon(name="Also mine")
    customer = make_customer(mine, theirs)
    client = api(make_owner(mine, other))
    answer = client.patch(f"/customers/{customer.pk}/", {"salon_ids": [other.pk]})
    assert answer.json()["salon_ids"] == [other.pk]
    assert set(customer.salons.all()) == {other, theirs}


def test_customers_are_sorted_as_asked(api):
    salon = make_salon()
    for name in ("Beth", "Anna", "Cleo"):
        make_customer(salon, full_name=name)
    client = api(make_owner(salon))

    def names(**query):
        return [row["full_name"] for row in client.get("/customers/", query).json()["results"]]

    assert names() == ["Anna", "Beth", "Cleo"]
    assert names(sort_by="full_name", order="desc") == ["Cleo", "Beth", "Anna"]
    assert names(sort_by="created") == ["Beth", "Anna", "Cleo"]
    assert names(search="nn") == ["Anna"]
    assert client.get("/customers/", {"sort_by": "password"}).status_code == 400
