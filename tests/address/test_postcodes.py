import pytest

from address.models import Address
from tests.factories import make_platform_admin

pytestmark = pytest.mark.django_db


def body(phone_number="+442079460123", **address):
    return {
        "name": "Shear Delight",
        "phone_number": phone_number,
        "addresses": [{"street": "1 High Street", "city": "Town", **address}],
    }


@pytest.mark.parametrize(
    ("phone_number", "given", "stored"),
    [
        ("+442079460123", {"postal_code": "sw1a1aa"}, ("SW1A 1AA", "GB")),
        ("+12125550123", {"postal_code": "10001"}, ("10001", "US")),
        ("+442079460123", {"postal_code": "75001", "country": "fr"}, ("75001", "FR")),
    ],
)
def test_postal_code_is_taken_by_the_rule_of_its_country(api, phone_number, given, stored):
    answer = api(make_platform_admin()).post("/salons/", body(phone_number, **given))
    assert answer.status_code == 201, answer.content
    assert Address.objects.values_list("postal_code", "country").get() == stored


def test_impossible_british_postcode_is_refused_by_its_path(api):
    answer = api(make_platform_admin()).post("/salons/", body(postal_code="75001"))
    assert answer.status_code == 400
    (error,) = answer.json()["errors"]
    assert (error["attr"], error["code"]) == ("addresses.0.postal_code", "invalid_postcode")
    assert not Address.objects.exists()
