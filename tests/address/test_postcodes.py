import pytest

from address.models import Address
from tests.factories import make_owner, make_platform_admin, make_salon

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


def test_addresses_are_replaced_and_one_named_by_its_id_is_kept(api):
    salon = make_salon()
    kept, dropped = (
        Address.objects.create(street=street, city="Town", postal_code="SW1A 1AA") for street in ("Old", "Gone")
    )
    salon.addresses.set([kept, dropped])
    addresses = [
        {"id": kept.pk, "street": "New", "city": "Town", "postal_code": "SW1A 1AA"},
        {"street": "Second", "city": "Town", "postal_code": "SW1A 1AA"},
    ]
    answer = api(make_owner(salon)).patch(f"/salons/{salon.pk}/", {"addresses": addresses})
    assert answer.status_code == 200, answer.content
    assert [(a["id"] == kept.pk, a["street"]) for a in answer.json()["addresses"]] == [(True, "New"), (False, "Second")]
    assert not Address.objects.filter(pk=dropped.pk).exists()


def test_address_of_another_salon_cannot_be_taken_over(api):
    theirs = Address.objects.create(street="Theirs", city="Town", postal_code="SW1A 1AA")
    make_salon().addresses.add(theirs)
    salon = make_salon()
    address = {"id": theirs.pk, "street": "Mine", "city": "Town", "postal_code": "SW1A 1AA"}
    api(make_owner(salon)).patch(f"/salons/{salon.pk}/", {"addresses": [address]})
    theirs.refresh_from_db()
    assert theirs.street == "Theirs"
