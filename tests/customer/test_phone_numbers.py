"""Which numbers are taken, and how they are stored."""

import pytest
from django.core.exceptions import ValidationError

from customer.models import Customer
from tests.factories import make_customer

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("+447400123456", "+447400123456"),
        ("07400 123456", "+447400123456"),
        ("+44 (0)7400 123-456", "+447400123456"),
        ("0044 7400 123456", "+447400123456"),
        ("+1 212 555 2368", "+12125552368"),
        ("+33 6 12 34 56 78", "+33612345678"),
        ("+919876543210", "+919876543210"),
    ],
)
def test_number_is_stored_as_e164_however_it_is_written(given, stored):
    customer = Customer(full_name="A", phone_number=given)
    customer.full_clean()
    customer.save()
    customer.refresh_from_db()
    assert str(customer.phone_number) == stored


@pytest.mark.parametrize(
    "landline", ["+442079460123", "020 7946 0123", "+33142685300", "0800 123 4567", "0906 200 1234"]
)
def test_number_that_receives_no_texts_is_refused_with_a_message(landline):
    with pytest.raises(ValidationError) as refused:
        Customer(full_name="A", phone_number=landline).full_clean()
    assert refused.value.message_dict == {"phone_number": ["This number cannot receive texts; give a mobile number."]}


@pytest.mark.parametrize("nonsense", ["", "12", "+4474001234567890", "call me", "+447700900123"])
def test_number_that_does_not_exist_is_refused(nonsense):
    with pytest.raises(ValidationError):
        Customer(full_name="A", phone_number=nonsense).full_clean()


def test_customer_without_a_name_is_called_customer():
    assert str(make_customer(full_name="")) == "Customer"
