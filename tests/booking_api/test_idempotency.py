from __future__ import annotations

import time
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.db.models import F
from django.urls import URLPattern, URLResolver, get_resolver

from appointment import planning
from appointment.models import Appointment
from booking_api import idempotency
from booking_api.models import KeptAnswer
from booking_api.views import ApiMixin
from sms.models import Message
from tests.factories import hours_ahead, make_customer, make_owner, make_salon
from tests.racing import in_thread, race

KEY = {"Idempotency-Key": "8e03978e-40d5-43dd-bc93-6894a57f9324"}
KEEP_NOTHING = {
    "ApiKeyViewSet",
    "CalendarFeedViewSet",
    "LoginView",
    "LogoutView",
    "PasswordResetConfirmView",
    "PasswordResetView",
    "PasswordView",
    "StaffCalendarFeedViewSet",
    "TokenRefreshView",
}

pytestmark = pytest.mark.django_db


class World:
    def __init__(self, api: Any) -> None:
        self.salon = make_salon()
        self.owner = make_owner(self.salon)
        self.body = {
            "salon": self.salon.pk,
            "user": self.owner.pk,
            "customer": make_customer(self.salon).pk,
            "appointment_time": hours_ahead(24).isoformat(),
            "end_time": hours_ahead(25).isoformat(),
        }
        self.api = api

    def post(self, path: str = "/appointments/", headers: dict[str, str] = KEY, **changes: Any) -> Any:
        return self.api(self.owner).post(path, self.body | changes, headers=headers)


@pytest.fixture
def world(api: Any) -> World:
    return World(api)


def test_repeated_request_gets_the_first_answer_and_does_nothing(world: World) -> None:
    first, again = world.post(), world.post()
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert again["ETag"] == first["ETag"]
    assert again["Location"] == first["Location"]
    assert again["Content-Type"] == first["Content-Type"] == "application/json"
    assert again["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first
    assert Appointment.objects.count() == 1
    assert Message.objects.filter(kind=Message.Kind.CONFIRMATION).count() == 1


def test_without_a_key_nothing_is_kept(world: World) -> None:
    assert world.post(headers={}).status_code == 201
    assert world.post(headers={}).status_code == 409
    assert KeptAnswer.objects.count() == 0


def test_refusal_is_repeated_too_and_leaves_nothing_but_itself(world: World) -> None:
    past = hours_ahead(-1).isoformat()
    first, again = world.post(appointment_time=past), world.post(appointment_time=past)
    assert (first.status_code, again.status_code) == (400, 400)
    assert again.content == first.content
    assert again["Idempotent-Replayed"] == "true"
    assert Appointment.objects.count() == 0


@pytest.mark.parametrize("path", ["/appointments/", "/appointments/?page=1", "/customers/"])
def test_key_of_another_request_is_refused(world: World, path: str) -> None:
    world.post()
    answer = world.post(path, comment="other")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["code"] == "idempotency_key_reused"
    assert Appointment.objects.count() == 1


def test_key_of_another_path_is_refused_with_the_same_body(world: World) -> None:
    made = world.post().json()
    assert world.post(f"/appointments/{made['id']}/cancel/").status_code == 422


def test_keys_are_each_users_own(world: World, api: Any) -> None:
    world.post()
    world.owner = make_owner(world.salon)
    answer = world.post(column_id=2)
    assert answer.status_code == 201
    assert "Idempotent-Replayed" not in answer


def test_action_is_done_once(world: World, api: Any) -> None:
    booking = world.post().json()
    path = f"/appointments/{booking['id']}/cancel/"
    key = {"Idempotency-Key": "cancel-1"}
    first = api(world.owner).post(path, {"reason": "ill"}, headers=key)
    again = api(world.owner).post(path, {"reason": "ill"}, headers=key)
    assert first.status_code == 200
    assert (again.content, again["Idempotent-Replayed"]) == (first.content, "true")


@pytest.mark.parametrize("key", ["", "x" * 256, "tab\there", "caf\u00e9", "nul\0"])
def test_unusable_key_is_refused(world: World, key: str) -> None:
    answer = world.post(headers={"Idempotency-Key": key})
    assert answer.status_code == 400
    error = answer.json()["errors"][0]
    assert (error["code"], error["attr"]) == ("invalid_idempotency_key", "Idempotency-Key")
    assert Appointment.objects.count() == 0


@pytest.mark.parametrize("key", ["a", "x" * 255, '"quoted, with spaces"'])
def test_usable_key_is_accepted(world: World, key: str) -> None:
    assert world.post(headers={"Idempotency-Key": key}).status_code == 201


def test_after_a_day_a_key_is_free_again(world: World) -> None:
    world.post()
    KeptAnswer.objects.update(kept_at=F("kept_at") - timedelta(hours=24, seconds=1))
    answer = world.post(column_id=2)
    assert answer.status_code == 201
    assert KeptAnswer.objects.count() == 1
    assert Appointment.objects.count() == 2


def test_expired_answers_are_forgotten_some_at_a_time(world: World) -> None:
    for number in range(5):
        world.post(headers={"Idempotency-Key": f"key {number}"}, column_id=number + 1)
    KeptAnswer.objects.exclude(key="key 0").update(kept_at=F("kept_at") - timedelta(hours=25))
    assert [idempotency.forget_expired(limit=3) for _ in range(3)] == [3, 1, 0]
    assert KeptAnswer.objects.get().key == "key 0"


def test_stranger_needs_to_log_in_before_a_key_says_anything(world: World, api: Any) -> None:
    world.post()
    assert api().post("/appointments/", world.body, headers=KEY).status_code == 401


def test_answers_with_tokens_are_never_kept(world: World, api: Any) -> None:
    world.owner.set_password("correct horse battery")
    world.owner.save()
    body = {"email": world.owner.email, "password": "correct horse battery"}
    answers = [api().post("/users/login/", body, headers=KEY) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    refresh = {"refresh": answers[0].json()["refresh"]}
    assert api().post("/token/refresh/", refresh, headers=KEY).status_code == 200
    assert KeptAnswer.objects.count() == 0


def test_fault_keeps_nothing_so_that_the_request_may_be_tried_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(planning, "plan_texts", lambda *_, **__: 1 / 0)
        client = world.api(world.owner)
        client.raise_request_exception = False
        answer = client.post("/appointments/", world.body, headers=KEY)
        assert answer.status_code == 500
    assert Appointment.objects.count() == KeptAnswer.objects.count() == 0
    again = world.post()
    assert again.status_code == 201
    assert "Idempotent-Replayed" not in again


@pytest.mark.django_db(transaction=True)
def test_while_the_first_request_runs_the_others_are_told_to_wait(world: World) -> None:
    with transaction.atomic():
        idempotency._lock(idempotency.Attempt(f"user:{world.owner.pk}", KEY["Idempotency-Key"], ""))
        answer = in_thread(world.post).result(10)
    assert answer.status_code == 409
    assert answer["Retry-After"] == "1"
    assert answer.json()["errors"][0]["code"] == "request_in_progress"
    assert world.post().status_code == 201


@pytest.mark.django_db(transaction=True)
def test_request_whose_process_died_leaves_neither_booking_nor_lock(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL ends a transaction with its connection, as it does when the process is killed."""

    def die(*_: Any, **__: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    with monkeypatch.context() as patched:
        patched.setattr(planning, "plan_texts", die)
        client = world.api(world.owner)
        client.raise_request_exception = False
        crashed = in_thread(lambda: client.post("/appointments/", world.body, headers=KEY)).result(10)
    assert (crashed.status_code, crashed["Retry-After"]) == (503, "5")
    assert Appointment.objects.count() == 0
    assert world.post().status_code == 201


@pytest.mark.django_db(transaction=True)
def test_request_that_hangs_is_ended_by_the_database(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    plan_texts = planning.plan_texts
    repeated: list[int] = []

    def hang_at_first(*args: Any, **named: Any) -> None:
        if not repeated:
            repeated.append(0)
            time.sleep(0.5)
            repeated[0] = in_thread(world.post).result(10).status_code
        plan_texts(*args, **named)

    monkeypatch.setattr(idempotency, "LONGEST_SILENCE_SECONDS", 0.2)
    monkeypatch.setattr(planning, "plan_texts", hang_at_first)
    client = world.api(world.owner)
    client.raise_request_exception = False
    hung = in_thread(lambda: client.post("/appointments/", world.body, headers=KEY)).result(20)
    assert (repeated, hung.status_code) == ([201], 503)
    assert Appointment.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_twenty_at_once_make_one_booking_with_one_confirmation(world: World) -> None:
    answers = race(*[world.post] * 20)
    assert {answer.status_code for answer in answers} <= {201, 409}
    made = [answer for answer in answers if answer.status_code == 201]
    assert made
    assert len({answer.content for answer in made}) == 1
    assert all(answer["Retry-After"] for answer in answers if answer.status_code == 409)
    assert Appointment.objects.count() == 1
    assert Message.objects.filter(kind=Message.Kind.CONFIRMATION).count() == 1
    later = world.post()
    assert (later.status_code, later.content) == (201, made[0].content)
    assert later["Idempotent-Replayed"] == "true"


@pytest.mark.django_db(transaction=True)
def test_different_keys_do_not_wait_for_each_other(world: World) -> None:
    def book(number: int) -> int:
        return int(world.post(headers={"Idempotency-Key": f"key {number}"}, column_id=number).status_code)

    assert race(*(partial(book, number) for number in range(1, 9))) == [201] * 8


def views(resolver: URLResolver | None = None) -> list[type[Any]]:
    """The classes of all views that the API has; pages are none of them."""
    found: list[type[Any]] = []
    for pattern in (resolver or get_resolver()).url_patterns:
        if isinstance(pattern, URLResolver):
            found += views(pattern)
        elif isinstance(pattern, URLPattern):
            cls = getattr(pattern.callback, "cls", None) or getattr(pattern.callback, "view_class", None)
            is_page = f"/{pattern.pattern}".startswith(settings.PATHS_OF_PAGES)
            if cls is not None and not is_page and not cls.__module__.startswith(("django.", "drf_spectacular.")):
                found.append(cls)
    return found


def test_every_view_of_the_api_heeds_keys_but_those_that_answer_secrets() -> None:
    classes = set(views())
    assert len(classes) > 5
    assert [cls.__name__ for cls in classes if not issubclass(cls, ApiMixin)] == []
    assert {cls.__name__ for cls in classes if not cls.keeps_answers} == KEEP_NOTHING
