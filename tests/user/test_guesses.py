from __future__ import annotations

import re
import time
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from booking_api.rate_limits import Counters, counters
from tests.factories import make_platform_admin, make_salon, make_user
from tests.racing import race
from user import guesses
from user.models import ExtendedUser

PASSWORD = "correct horse battery"

pytestmark = pytest.mark.django_db


FIRST_WAIT = 60  # seconds: far more than a test takes


@pytest.fixture(autouse=True)
def _few_attempts(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guesses, "FIRST_WAIT_SECONDS", FIRST_WAIT)
    settings.LOGIN_FREE_ATTEMPTS = 3
    settings.LOGIN_FREE_ATTEMPTS_PER_IP = 8


@pytest.fixture
def person() -> ExtendedUser:
    return make_user(make_salon(), email="sam@salon.example", password=PASSWORD)


def log_in(email: str, password: str, ip: str = "192.0.2.1") -> Any:
    return APIClient(REMOTE_ADDR=ip).post("/users/login/", {"email": email, "password": password})


def let_pass(seconds: float) -> None:
    """Move every count of this test into the past."""
    from django.conf import settings

    for key in counters._client.scan_iter(f"{settings.COUNTER_PREFIX}guess:*"):
        counters._client.hincrby(key, "at", -round(seconds * 1000))


def test_each_attempt_after_the_free_ones_waits_twice_as_long(person: ExtendedUser) -> None:
    assert [log_in(person.email, "guess").status_code for _ in range(3)] == [401] * 3
    for wait in (60, 120, 240, 480):
        refused = log_in(person.email, PASSWORD)
        assert refused.status_code == 429
        assert wait - 10 < int(refused["Retry-After"]) <= wait
        let_pass(wait)
        assert log_in(person.email, "guess").status_code == 401


def test_refused_attempt_makes_nothing_longer(person: ExtendedUser) -> None:
    for _ in range(3):
        log_in(person.email, "guess")
    assert max(int(log_in(person.email, "guess")["Retry-After"]) for _ in range(5)) <= FIRST_WAIT


def test_success_clears_the_count(person: ExtendedUser) -> None:
    for _ in range(3):
        log_in(person.email, "guess")
        log_in(person.email, "guess")
        assert log_in(person.email, PASSWORD).status_code == 200


def test_unknown_account_waits_just_as_long(person: ExtendedUser) -> None:
    def answers(email: str, ip: str) -> list[Any]:
        """Status and words of five attempts, but for the seconds, which pass."""
        answers = [log_in(email, "guess", ip) for _ in range(5)]
        return [(answer.status_code, re.sub(r"\d+", "N", answer.content.decode())) for answer in answers]

    assert answers(person.email, "192.0.2.1") == answers("nobody@salon.example", "192.0.2.2")


def test_case_of_the_address_is_no_way_around(person: ExtendedUser) -> None:
    statuses = [log_in(email, "guess").status_code for email in ("sam@salon.example", "SAM@salon.example") * 2]
    assert statuses == [401, 401, 401, 429]


def test_stranger_does_not_keep_the_owner_of_an_account_out(person: ExtendedUser) -> None:
    assert log_in(person.email, PASSWORD, "198.51.100.1").status_code == 200
    for number in range(40):
        log_in(person.email, "guess", f"192.0.2.{number}")
    assert log_in(person.email, "guess", "203.0.113.1").status_code == 429
    assert log_in(person.email, PASSWORD, "198.51.100.1").status_code == 200


def test_from_a_new_address_the_wait_is_bounded(person: ExtendedUser) -> None:
    for number in range(40):
        let_pass(31)
        log_in(person.email, "guess", f"192.0.2.{number}")
    refused = log_in(person.email, PASSWORD, "203.0.113.1")
    assert refused.status_code == 429
    assert int(refused["Retry-After"]) <= 30
    let_pass(30)
    assert log_in(person.email, PASSWORD, "203.0.113.1").status_code == 200


def test_one_address_guesses_at_few_accounts() -> None:
    statuses = [log_in(f"person{number}@salon.example", "guess").status_code for number in range(10)]
    assert statuses == [401] * 8 + [429] * 2
    let_pass(FIRST_WAIT)
    assert log_in("another@salon.example", "guess").status_code == 401


def test_logging_in_uses_up_nothing_of_a_shared_address(person: ExtendedUser) -> None:
    assert [log_in(person.email, PASSWORD).status_code for _ in range(20)] == [200] * 20


def test_failures_are_forgotten_in_time(person: ExtendedUser) -> None:
    for _ in range(4):
        log_in(person.email, "guess")
    let_pass(4 * 900)
    assert [log_in(person.email, "guess").status_code for _ in range(4)] == [401] * 3 + [429]


@pytest.mark.django_db(transaction=True)
def test_many_guesses_at_once_are_no_way_around(person: ExtendedUser) -> None:
    statuses = race(*[lambda: log_in(person.email, "guess").status_code] * 12)
    assert sorted(statuses) == [401] * 3 + [429] * 9


def test_changing_the_password_is_no_way_around(api: Any, person: ExtendedUser) -> None:
    body = {"old_password": "guess", "password1": "staple staple", "password2": "staple staple"}
    statuses = [api(person).post("/users/me/password/", body).status_code for _ in range(4)]
    assert statuses == [400, 400, 400, 429]


def test_admin_is_guarded_alike() -> None:
    admin = make_platform_admin(email="root@salon.example", password=PASSWORD)

    def submit(password: str) -> Any:
        return Client().post("/admin/login/", {"username": admin.email, "password": password})

    assert submit(PASSWORD).status_code == 302
    for _ in range(3):
        assert "Too many" not in submit("guess").content.decode()
    refused = submit(PASSWORD)
    assert refused.status_code == 200
    assert re.search(r"Too many attempts\. Try again in \d+ s\.", refused.content.decode())
    assert log_in(admin.email, PASSWORD, "127.0.0.1").status_code == 429


def test_staff_stay_out_of_the_admin(person: ExtendedUser) -> None:
    answer = Client().post("/admin/login/", {"username": person.email, "password": PASSWORD})
    assert answer.status_code == 200
    assert "_auth_user_id" not in Client().session


@pytest.fixture
def _no_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counters, "_client", Counters("redis://127.0.0.1:9/0", 0.2)._client)
    monkeypatch.setattr(counters, "_paused_until", 0.0)
    monkeypatch.setattr(guesses, "SLOW_ATTEMPT_SECONDS", 0.4)


@pytest.mark.usefixtures("_no_redis")
def test_without_redis_logging_in_takes_its_time(person: ExtendedUser) -> None:
    started = time.monotonic()
    assert log_in(person.email, PASSWORD).status_code == 200
    assert time.monotonic() - started >= 0.4


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("_no_redis")
def test_without_redis_few_log_in_at_once(person: ExtendedUser) -> None:
    statuses = race(*[lambda: log_in(person.email, "guess").status_code] * 8)
    assert sorted(statuses) == [401] * 2 + [429] * 6


def test_password_resets_are_limited_for_known_and_unknown_alike(
    queues: Any, person: ExtendedUser, settings: Any
) -> None:
    settings.PASSWORD_RESETS_PER_ACCOUNT = 2
    for email in (person.email, "nobody@salon.example"):
        statuses = [APIClient().post("/users/password-reset/", {"email": email}).status_code for _ in range(3)]
        assert statuses == [202, 202, 429]
