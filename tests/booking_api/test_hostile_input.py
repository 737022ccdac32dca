"""Whatever comes in, what goes out is an answer of the API: 400-class, in its one shape, and nothing is written."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.test import Client, override_settings
from django.urls import path
from rest_framework.test import APIClient

from appointment.models import Appointment
from customer.models import Customer
from salon.models import Salon
from tests.factories import hours_ahead, make_appointment, make_customer, make_owner, make_platform_admin, make_salon

HUGE = 10**40
DEEP = '{"a":' * 100_000 + "1" + "}" * 100_000

pytestmark = pytest.mark.django_db


class World:
    def __init__(self) -> None:
        self.salon = make_salon()
        self.owner = make_owner(self.salon)
        self.customer = make_customer(self.salon)
        self.booking = make_appointment(salon=self.salon, user=self.owner, customer=self.customer)
        self.client = APIClient(raise_request_exception=False)
        self.client.force_authenticate(self.owner)
        self.bodies: dict[str, dict[str, Any]] = {
            "/appointments/": {
                "salon": self.salon.pk,
                "user": self.owner.pk,
                "customer": self.customer.pk,
                "appointment_time": hours_ahead(50).isoformat(),
                "comment": "",
                "column_id": 1,
            },
            "/customers/": {"full_name": "A", "phone_number": "+447400123499", "salon_ids": [self.salon.pk]},
        }

    def counts(self) -> tuple[int, ...]:
        return tuple(model.objects.count() for model in (Appointment, Customer, Salon))


@pytest.fixture
def world() -> World:
    return World()


def assert_refused(answer: Any, *statuses: int) -> list[dict[str, Any]]:
    assert answer.status_code in (statuses or range(400, 500)), (answer.status_code, answer.content)
    assert answer["Content-Type"].startswith("application/json")
    body = answer.json()
    assert body["type"] in ("validation_error", "client_error")
    assert set(body["errors"][0]) == {"code", "detail", "attr"}
    assert "Traceback" not in answer.content.decode()
    errors: list[dict[str, Any]] = body["errors"]
    return errors


BODIES: dict[str, Any] = {
    "nothing of JSON": b"{",
    "two values": b"{} {}",
    "invalid UTF-8": b'{"full_name": "\xff\xfe"}',
    "a byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16": '{"full_name": "A"}'.encode("utf-16"),
    "deep": DEEP.encode(),
    "deep lists": b"[" * 100_000,
    "deep, but within the stack": b'{"a":' * 100 + b"1" + b"}" * 100,
    "an integer of 5000 digits": b'{"full_name": ' + b"9" * 5000 + b"}",
    "an integer of 5000 digits among the keys": b'{"salon_ids": [' + b"9" * 5000 + b"]}",
    "infinity": b'{"salon_ids": [1e999]}',
    "NaN": b'{"salon_ids": [NaN]}',
    "a NUL in a key": b'{"full\\u0000name": 1}',
    "half a surrogate in a key": b'{"\\ud800": 1}',
    "a list": b"[]",
    "a text": b'"text"',
    "a number": b"1",
    "null": b"null",
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
@pytest.mark.parametrize("method", ["post", "put", "patch"])
def test_unreadable_body(world: World, method: str, body: Any) -> None:
    before = world.counts()
    address = "/customers/" if method == "post" else f"/customers/{world.customer.pk}/"
    answer = world.client.generic(method.upper(), address, body, content_type="application/json")
    assert_refused(answer, 400)
    assert world.counts() == before


VALUES: dict[str, Any] = {
    "NUL": "a\0b",
    "half a surrogate": "a\ud800b",
    "huge": HUGE,
    "hugely negative": -HUGE,
    "just over 64 bits": 2**63,
    "a fraction": 1.5,
    "a dict": {"a": [1]},
    "a list": [[1]],
    "true": True,
    "long": "x" * 200_000,
    "right to left": "\u202e\u200f",
    "empty": "",
    "null": None,
}


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES.keys())
def test_no_value_of_any_field_is_a_fault(world: World, value: Any) -> None:
    for address, body in world.bodies.items():
        for field in body:
            answer = world.client.generic(
                "POST", address, json.dumps(body | {field: value}), content_type="application/json"
            )
            assert answer.status_code == 201 or assert_refused(answer, 400, 409), (field, answer.content)
            if field == "salon_ids":
                listed = json.dumps(body | {field: [value]})
                answer = world.client.generic("POST", address, listed, content_type="application/json")
                assert answer.status_code == 201 or assert_refused(answer, 400, 409), (field, answer.content)


@pytest.mark.parametrize("value", ["a\0b", "a\ud800b"])
def test_unusable_text_is_named_by_its_path(world: World, value: str) -> None:
    body = {"name": "A", "phone_number": "+442079460123", "addresses": [{"street": "S"}, {"street": value}]}
    client = APIClient(raise_request_exception=False)
    client.force_authenticate(make_platform_admin())
    answer = client.generic("POST", "/salons/", json.dumps(body), content_type="application/json")
    (error,) = assert_refused(answer, 400)
    assert (error["code"], error["attr"]) == ("invalid_characters", "addresses.1.street")


MOMENTS = [
    "0001-01-01T00:00:00",
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59",
    "9999-12-31T23:59:59-23:59",
    "2030-02-30T10:00:00",
    "2030-06-01",
    "2030-06-01T25:00:00",
    "tomorrow",
    "10000-01-01T00:00:00",
    "-0001-01-01T00:00:00",
    "2030-06-01T10:00:00+99:99",
]


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("field", ["appointment_time", "end_time"])
def test_impossible_moment(world: World, field: str, moment: str) -> None:
    body = world.bodies["/appointments/"] | {field: moment}
    answer = world.client.post("/appointments/", body)
    if field == "end_time" and answer.status_code == 201:  # a very long visit is none of ours to forbid
        return
    assert_refused(answer, 400)


QUERIES = [
    {name: value}
    for name in (
        "salon",
        "user",
        "customer",
        "column_id",
        "date",
        "from",
        "to",
        "status",
        "search",
        "page",
        "page_size",
    )
    for value in (
        str(HUGE),
        f"-{HUGE}",
        "1e400",
        "1e49",
        "NaN",
        "a\0b",
        "x" * 5000,
        "0001-01-01",
        "9999-12-31",
        "%",
        "\\",
    )
]


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: str(query)[:40])
def test_no_query_is_a_fault(world: World, query: dict[str, str]) -> None:
    for address in ("/appointments/", "/customers/", "/users/", "/messages/", "/salons/"):
        answer = world.client.get(address, query)
        assert answer.status_code == 200 or assert_refused(answer, 400, 404)


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("name", ["date", "from", "to"])
@pytest.mark.parametrize("address", ["/appointments/", "/messages/"])
def test_no_moment_in_a_query_is_a_fault(world: World, address: str, name: str, moment: str) -> None:
    answer = world.client.get(address, {name: moment})
    assert answer.status_code == 200 or assert_refused(answer, 400)


@pytest.mark.parametrize("query", ["search=%00", "search=%ff%fe", "%00=1", "salon=%c3"])
def test_query_that_is_no_text(world: World, query: str) -> None:
    assert_refused(world.client.get(f"/appointments/?{query}"), 400)


def test_query_of_very_many_names(world: World) -> None:
    assert_refused(world.client.get("/appointments/?" + "&".join(f"a{number}=1" for number in range(2000))), 400)


@pytest.mark.parametrize("key", [str(HUGE), "-1", "1.5", "%00", "abc", "\u0661", "x" * 4000, "%ff", "1e5", str(2**63)])
@pytest.mark.parametrize("method", ["get", "patch", "delete"])
def test_key_in_the_path_that_cannot_be(world: World, method: str, key: str) -> None:
    for noun in ("appointments", "customers", "salons", "users"):
        answer = getattr(world.client, method)(f"/{noun}/{quote(key, safe='%')}/")
        assert_refused(answer, 400, 404)
    assert (
        world.client.get(f"/appointments/{key if key != 'abc' else HUGE}/messages/".replace("\u0661", "1e")).status_code
        != 500
    )


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/xml", "multipart/form-data", "application/x-www-form-urlencoded", "", "x"],
)
def test_other_content_type(world: World, content_type: str) -> None:
    answer = world.client.generic("POST", "/customers/", "full_name=A", content_type=content_type)
    assert_refused(answer, 415)


@pytest.mark.parametrize("charset", ["utf-16", "zlib", "hex", "rot13", "idna", "unknown-8bit", "utf-7"])
def test_charset_of_a_body_is_utf_8_whatever_it_says(world: World, charset: str) -> None:
    body: Any = json.dumps(world.bodies["/customers/"]).encode()  # else the client would encode it as it says
    answer = world.client.generic("POST", "/customers/", body, content_type=f"application/json; charset={charset}")
    assert answer.status_code == 201


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "k"}])
def test_body_that_is_too_large(world: World, settings: Any, headers: dict[str, str]) -> None:
    body = json.dumps({"full_name": "x" * settings.DATA_UPLOAD_MAX_MEMORY_SIZE})
    answer = world.client.generic("POST", "/customers/", body, content_type="application/json", headers=headers)
    assert assert_refused(answer, 413)[0]["code"] == "too_large"


@pytest.mark.parametrize("token", ["", "x", "a b c", "\u00e9", "..", "eyJhbGciOiJub25lIn0.e30.", "x" * 7000])
def test_token_that_is_none(world: World, token: str) -> None:
    answer = APIClient(raise_request_exception=False).get("/salons/", headers={"Authorization": f"Bearer {token}"})
    assert_refused(answer, 401)
    cookies = APIClient(raise_request_exception=False)
    cookies.cookies["token"] = token
    assert_refused(cookies.get("/salons/"), 401)


@pytest.mark.parametrize("address", ["/nothing/", "/salons/1/nothing/", "/appointments/1", "/%ff/"])
@pytest.mark.parametrize("method", ["post", "patch", "delete"])
def test_address_that_nobody_serves(world: World, method: str, address: str) -> None:
    assert assert_refused(getattr(world.client, method)(address), 404)[0]["code"] == "not_found"


def test_reader_is_sent_to_the_address_with_its_slash(world: World) -> None:
    answer = world.client.get("/salons")
    assert (answer.status_code, answer["Location"]) == (301, "/salons/")


def test_method_that_is_not_served(world: World) -> None:
    assert_refused(world.client.delete("/salons/"), 405)
    assert_refused(world.client.generic("BREW", "/salons/"), 405)


@pytest.mark.parametrize("accept", ["text/html", "application/xml"])
def test_other_kinds_of_answer(world: World, accept: str) -> None:
    assert_refused(world.client.get("/salons/", headers={"Accept": accept}), 406)


def test_host_that_is_not_ours(world: World) -> None:
    answer = Client(raise_request_exception=False).get("/salons/", headers={"Host": "evil.example"})
    assert_refused(answer, 400)


def test_form_without_a_csrf_token() -> None:
    assert_refused(Client(enforce_csrf_checks=True).post("/health/", {"a": "b"}), 403)


def test_admin_gets_pages_and_not_json() -> None:
    answer = Client(raise_request_exception=False).get("/admin/nothing/", follow=True)
    assert answer["Content-Type"].startswith("text/html")


def failing(request: Any) -> HttpResponse:
    raise RuntimeError("a secret of the code")


def forbidding(request: Any) -> HttpResponse:
    raise PermissionDenied("a secret of the code")


class Failing:
    from booking_api.urls import handler400, handler403, handler404, handler500

    urlpatterns = [path("fails/", failing), path("forbids/", forbidding)]


def test_fault_outside_of_the_api_tells_nothing() -> None:
    client = Client(raise_request_exception=False)
    with override_settings(ROOT_URLCONF=Failing):
        failed, forbidden = client.get("/fails/"), client.get("/forbids/")
    assert failed.status_code == 500
    assert failed.json() == {
        "type": "server_error",
        "errors": [{"code": "error", "detail": "Server Error (500)", "attr": None}],
    }
    assert_refused(forbidden, 403)
    assert b"secret" not in failed.content + forbidden.content


def test_fault_in_a_view_tells_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Salon.objects, "visible_to", failing)
    answer = world.client.get("/salons/")
    assert answer.status_code == 500
    assert answer.json()["type"] == "server_error"
    assert b"secret" not in answer.content


def test_address_too_long_is_refused_in_the_one_shape(api, db):
    answer = api(make_owner(make_salon())).get("/appointments/", {"search": "x" * 4_001})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "address_too_long")
