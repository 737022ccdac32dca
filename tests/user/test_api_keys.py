from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from appointment.models import Appointment
from booking_api.models import KeptAnswer
from tests.factories import hours_ahead, make_appointment, make_customer, make_owner, make_salon, make_user
from user import api_keys
from user.models import ApiKey

pytestmark = pytest.mark.django_db

SCOPES = ["appointments:read", "appointments:write"]


class World:
    def __init__(self) -> None:
        self.salon, self.elsewhere = make_salon(), make_salon(name="Elsewhere")
        self.owner = make_owner(self.salon)
        self.path = f"/salons/{self.salon.pk}/api-keys/"
        self.customer = make_customer(self.salon)
        self.booking = make_appointment(salon=self.salon, user=self.owner, customer=self.customer)

    def body(self, **changes: Any) -> dict[str, Any]:
        moment = {"appointment_time": hours_ahead(48).isoformat()}
        return {"salon": self.salon.pk, "user": self.owner.pk, "customer": self.customer.pk, **moment, **changes}


@pytest.fixture
def world() -> World:
    return World()


def with_key(text: str) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Api-Key {text}")
    return client


def make(world: World, *scopes: str, **fields: Any) -> tuple[ApiKey, APIClient]:
    key, text = api_keys.make(salon=world.salon, name="Shop", scopes=list(scopes or SCOPES), **fields)
    return key, with_key(text)


def test_owner_makes_a_key_whose_text_is_shown_once(api: Any, world: World) -> None:
    answer = api(world.owner).post(world.path, {"name": "Shop", "scopes": [*SCOPES, SCOPES[0]]})
    assert answer.status_code == 201
    made = answer.json()
    assert made["key"].startswith(f"bk_{made['prefix']}_")
    assert (made["scopes"], made["created_by"]) == (SCOPES, world.owner.pk)
    (listed,) = api(world.owner).get(world.path).json()["results"]
    assert listed == {name: value for name, value in made.items() if name != "key"}
    assert with_key(made["key"]).get("/appointments/").json()["count"] == 1


def test_secret_is_stored_nowhere(api: Any, world: World) -> None:
    body = {"name": "Shop", "scopes": SCOPES}
    text = api(world.owner).post(world.path, body, headers={"Idempotency-Key": "k"}).json()["key"]
    secret = text.rsplit("_", 1)[1]
    assert secret not in str(ApiKey.objects.values().get())
    assert KeptAnswer.objects.count() == 0


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"scopes": []}, "scopes"),
        ({"scopes": ["everything"]}, "scopes.0"),
        ({"name": ""}, "name"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"secret_hash": "x"}, "secret_hash"),
    ],
)
def test_unacceptable_key_is_refused(api: Any, world: World, changes: dict[str, Any], field: str) -> None:
    answer = api(world.owner).post(world.path, {"name": "Shop", "scopes": SCOPES, **changes})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["attr"] == field
    assert ApiKey.objects.count() == 0


def test_key_books_for_its_salon(world: World) -> None:
    key, client = make(world)
    body = world.body()
    answer = client.post("/appointments/", body, headers={"Idempotency-Key": "k"})
    assert answer.status_code == 201
    again = client.post("/appointments/", body, headers={"Idempotency-Key": "k"})
    assert again["Idempotent-Replayed"] == "true"
    assert KeptAnswer.objects.get().caller == f"key:{key.pk}"
    assert client.patch(f"/appointments/{answer.json()['id']}/", {"comment": "x"}).status_code == 200
    history = make(world)[1].get(f"/appointments/{answer.json()['id']}/history/").json()["results"]
    assert [entry["by"] for entry in history] == [None, None]


def test_key_sees_nothing_of_another_salon(world: World) -> None:
    other = make_appointment(salon=world.elsewhere)
    stranger = make_user(world.elsewhere)
    world.owner.salons.add(world.elsewhere)
    world.customer.salons.add(world.elsewhere)
    _, client = make(world, *ApiKey.Scope.values)
    assert client.get(f"/appointments/{other.pk}/").status_code == 404
    assert client.get(f"/salons/{world.elsewhere.pk}/").status_code == 404
    assert [row["id"] for row in client.get("/salons/").json()["results"]] == [world.salon.pk]
    assert client.get("/appointments/").json()["count"] == 1
    assert client.get("/messages/", {"salon": world.elsewhere.pk}).json()["count"] == 0
    assert client.get(f"/customers/{world.customer.pk}/").json()["salon_ids"] == [world.salon.pk]
    assert [row["salons"] for row in client.get("/users/").json()["results"]] == [[world.salon.pk]]
    for changes in ({"salon": world.elsewhere.pk}, {"customer": other.customer_id}, {"user": stranger.pk}):
        assert client.post("/appointments/", world.body(**changes)).status_code == 400


REQUESTS = {
    "appointments:read": [("get", "/appointments/"), ("get", "/appointments/{booking}/history/")],
    "appointments:write": [("post", "/appointments/"), ("patch", "/appointments/{booking}/")],
    "customers:read": [("get", "/customers/")],
    "customers:write": [("patch", "/customers/{customer}/")],
    "messages:read": [("get", "/messages/"), ("get", "/appointments/{booking}/messages/")],
    "salon:read": [("get", "/salons/")],
    "staff:read": [("get", "/users/")],
}


@pytest.mark.parametrize("scope", ApiKey.Scope.values)
def test_scope_opens_what_it_names_and_nothing_else(world: World, scope: str) -> None:
    _, client = make(world, scope)
    for needed, requests in REQUESTS.items():
        for method, path in requests:
            body = world.body() if method == "post" else {}
            path = path.format(booking=world.booking.pk, customer=world.customer.pk)
            answer = getattr(client, method)(path, body)
            if needed == scope:
                assert answer.status_code in (200, 201), path
            else:
                assert answer.status_code == 403, path
                assert needed in answer.json()["errors"][0]["detail"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("patch", "/salons/{salon}/"),
        ("delete", "/salons/{salon}/"),
        ("get", "/salons/{salon}/api-keys/"),
        ("post", "/salons/{salon}/api-keys/"),
        ("post", "/users/register/"),
        ("post", "/users/me/password/"),
        ("get", "/users/me/"),
        ("patch", "/users/{owner}/"),
        ("delete", "/users/{owner}/"),
    ],
)
def test_no_scope_reaches_settings_accounts_or_keys(world: World, method: str, path: str) -> None:
    _, client = make(world, *ApiKey.Scope.values)
    answer = getattr(client, method)(path.format(salon=world.salon.pk, owner=world.owner.pk), {})
    assert answer.status_code == 403


def test_revoked_key_opens_nothing_and_stays_in_the_list(api: Any, world: World) -> None:
    key, client = make(world)
    for _ in range(2):
        assert api(world.owner).delete(f"{world.path}{key.pk}/").status_code == 204
    assert client.get("/appointments/").status_code == 401
    (listed,) = api(world.owner).get(world.path).json()["results"]
    first = listed["revoked_at"]
    assert first is not None


def test_expired_key_opens_nothing(world: World) -> None:
    key, client = make(world, expires_at=hours_ahead(1))
    assert client.get("/appointments/").status_code == 200
    ApiKey.objects.filter(pk=key.pk).update(expires_at=F("expires_at") - timedelta(hours=2))
    answer = client.get("/appointments/")
    assert answer.status_code == 401
    assert answer.json()["errors"][0]["code"] == "invalid_api_key"


@pytest.mark.parametrize("change", ["prefix", "secret", "shape", "empty", "words"])
def test_wrong_key_opens_nothing(world: World, change: str) -> None:
    _, text = api_keys.make(salon=world.salon, name="Shop", scopes=SCOPES)
    _, prefix, secret = text.split("_")
    wrong = {
        "prefix": f"bk_{'0' * 12}_{secret}",
        "secret": f"bk_{prefix}_{'0' * 64}",
        "shape": f"{prefix}_{secret}",
        "empty": "",
        "words": f"{text} {text}",
    }
    assert with_key(text).get("/appointments/").status_code == 200
    assert with_key(wrong[change]).get("/appointments/").status_code == 401


def test_last_use_is_written_once_a_minute(world: World) -> None:
    key, client = make(world)

    def writes() -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert client.get("/appointments/").status_code == 200
        return sum("UPDATE" in query["sql"] for query in queries)

    assert [writes() for _ in range(3)] == [1, 0, 0]
    ApiKey.objects.update(last_used_at=F("last_used_at") - timedelta(seconds=61))
    assert [writes() for _ in range(2)] == [1, 0]
    key.refresh_from_db()
    assert key.last_used_at is not None


def test_key_is_limited_by_itself(world: World, settings: Any) -> None:
    settings.RATE_LIMIT_PER_API_KEY = 2
    first, second = make(world)[1], make(world)[1]
    assert [first.get("/appointments/").status_code for _ in range(3)] == [200, 200, 429]
    assert second.get("/appointments/").status_code == 200


def test_keys_go_with_their_salon_but_not_with_who_made_them(world: World) -> None:
    maker = make_owner(world.salon)
    key, client = make(world, created_by=maker)
    maker.delete()
    assert client.get("/appointments/").status_code == 200
    Appointment.objects.all().delete()
    world.salon.delete()
    assert not ApiKey.objects.filter(pk=key.pk).exists()
