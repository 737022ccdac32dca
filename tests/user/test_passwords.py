from __future__ import annotations

import re
import statistics
import time
from functools import partial
from typing import Any

import pytest
from django.core import mail
from rest_framework.test import APIClient

from booking_api.broker import broker
from booking_api.models import KeptAnswer
from tests.factories import make_owner, make_salon, make_user
from tests.racing import race
from user.models import ExtendedUser

OLD, NEW = "correct horse battery", "staple staple staple"

pytestmark = pytest.mark.django_db


@pytest.fixture
def person() -> ExtendedUser:
    return make_user(make_salon(), email="Sam@salon.example", password=OLD, full_name="Sam Reid")


def log_in(email: str, password: str) -> Any:
    return APIClient().post("/users/login/", {"email": email, "password": password})


def with_token(access: str) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {access}")
    return client


def run_mail_queue() -> int:
    """Do what workers do with the queue. Returns how many messages there were."""
    done = 0
    for message in broker.consume("mail", prefetch=10, timeout=100):
        if message is None:
            return done
        broker.get_actor(message.actor_name).fn(*message.args)
        done += 1
    return done


def ask_for_reset(email: str) -> Any:
    return APIClient().post("/users/password-reset/", {"email": email})


def mailed() -> dict[str, str]:
    run_mail_queue()
    return dict(re.findall(r"^(uid|token): (\S+)$", str(mail.outbox[-1].body), re.MULTILINE))


def test_changing_the_password_ends_every_other_login(person: ExtendedUser) -> None:
    here, elsewhere = log_in(person.email, OLD).json(), log_in(person.email, OLD).json()
    body = {"old_password": OLD, "password1": NEW, "password2": NEW}
    answer = with_token(here["access"]).post("/users/me/password/", body)
    assert answer.status_code == 200
    for login in (here, elsewhere):
        assert APIClient().post("/token/refresh/", {"refresh": login["refresh"]}).status_code == 401
        assert with_token(login["access"]).get("/users/me/").status_code == 401
    assert with_token(answer.json()["access"]).get("/users/me/").status_code == 200
    assert APIClient().post("/token/refresh/", {"refresh": answer.json()["refresh"]}).status_code == 200
    assert log_in(person.email, OLD).status_code == 401
    assert log_in(person.email, NEW).status_code == 200


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"old_password": "guessed"}, "old_password", "wrong_password"),
        ({"password2": "another one entirely"}, "password2", "mismatch"),
        ({"password1": "12345678", "password2": "12345678"}, "password1", "weak_password"),
        ({"password1": "sam@salon.example", "password2": "sam@salon.example"}, "password1", "weak_password"),
    ],
)
def test_unacceptable_change_of_password_changes_nothing(
    api: Any, person: ExtendedUser, changes: dict[str, str], field: str, code: str
) -> None:
    body = {"old_password": OLD, "password1": NEW, "password2": NEW} | changes
    answer = api(person).post("/users/me/password/", body)
    assert answer.status_code == 400
    assert {(error["attr"], error["code"]) for error in answer.json()["errors"]} == {(field, code)}
    person.refresh_from_db()
    assert person.check_password(OLD)


def test_new_tokens_are_not_kept_for_an_idempotency_key(person: ExtendedUser) -> None:
    client = with_token(log_in(person.email, OLD).json()["access"])
    body = {"old_password": OLD, "password1": NEW, "password2": NEW}
    assert client.post("/users/me/password/", body, headers={"Idempotency-Key": "k"}).status_code == 200
    assert KeptAnswer.objects.count() == 0


def test_forgotten_password_is_set_with_what_was_mailed_once(queues: Any, person: ExtendedUser) -> None:
    login = log_in(person.email, OLD).json()
    assert ask_for_reset("sam@SALON.example").status_code == 202
    confirm = {**mailed(), "password1": NEW, "password2": NEW}
    assert mail.outbox[0].to == [person.email]
    assert APIClient().post("/users/password-reset/confirm/", confirm).status_code == 204
    assert log_in(person.email, NEW).status_code == 200
    assert APIClient().post("/token/refresh/", {"refresh": login["refresh"]}).status_code == 401
    again = APIClient().post("/users/password-reset/confirm/", confirm)
    assert again.status_code == 400
    assert again.json()["errors"][0]["code"] == "invalid_token"


@pytest.mark.django_db(transaction=True)
def test_one_mail_sets_one_password_however_many_try(queues: Any, person: ExtendedUser) -> None:
    ask_for_reset(person.email)
    found = mailed()

    def confirm(number: int) -> int:
        body = {**found, "password1": f"{NEW} {number}", "password2": f"{NEW} {number}"}
        return int(APIClient().post("/users/password-reset/confirm/", body).status_code)

    statuses = race(*(partial(confirm, number) for number in range(6)))
    assert sorted(statuses) == [204] + [400] * 5


def test_weak_password_does_not_use_up_the_mail(queues: Any, person: ExtendedUser) -> None:
    ask_for_reset(person.email)
    found = mailed()
    weak = {**found, "password1": "12345678", "password2": "12345678"}
    assert APIClient().post("/users/password-reset/confirm/", weak).status_code == 400
    good = {**found, "password1": NEW, "password2": NEW}
    assert APIClient().post("/users/password-reset/confirm/", good).status_code == 204


@pytest.mark.parametrize("uid", ["", "MA", "x", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5", "%%%"])
def test_made_up_link_is_refused(uid: str, person: ExtendedUser) -> None:
    body = {"uid": uid or "AA", "token": "a-b", "password1": NEW, "password2": NEW}
    answer = APIClient().post("/users/password-reset/confirm/", body)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["code"] == "invalid_token"


def test_link_leads_to_the_page_that_the_setting_names(queues: Any, person: ExtendedUser, settings: Any) -> None:
    settings.PASSWORD_RESET_URL = "https://app.example/password?uid={uid}&token={token}"
    ask_for_reset(person.email)
    run_mail_queue()
    assert "https://app.example/password?uid=" in mail.outbox[0].body


def test_unknown_or_locked_address_gets_the_same_answer_and_no_mail(queues: Any, person: ExtendedUser) -> None:
    known = ask_for_reset(person.email)
    ExtendedUser.objects.update(is_active=False)
    locked, unknown = ask_for_reset(person.email), ask_for_reset("nobody@salon.example")
    assert {(answer.status_code, answer.content) for answer in (known, locked, unknown)} == {(202, b"")}
    assert run_mail_queue() == 3
    assert mail.outbox == []


def test_asking_takes_as_long_for_an_unknown_address(queues: Any, person: ExtendedUser, settings: Any) -> None:
    settings.PASSWORD_RESETS_PER_ACCOUNT = settings.PASSWORD_RESETS_PER_IP = 1000

    def median_seconds(email: str) -> float:
        taken = []
        for _ in range(15):
            started = time.perf_counter()
            ask_for_reset(email)
            taken.append(time.perf_counter() - started)
        return statistics.median(taken)

    median_seconds(person.email)
    known, unknown = median_seconds(person.email), median_seconds("nobody@salon.example")
    assert abs(known - unknown) < 0.5 * max(known, unknown)


def test_wrong_password_and_unknown_address_answer_alike(person: ExtendedUser) -> None:
    wrong, unknown = log_in(person.email, "guessed"), log_in("nobody@salon.example", "guessed")
    assert (wrong.status_code, wrong.content) == (unknown.status_code, unknown.content)
    ExtendedUser.objects.update(is_active=False)
    assert log_in(person.email, OLD).content == wrong.content


def test_login_hashes_a_password_for_an_unknown_address_too(
    person: ExtendedUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Timing is the hashing: as many rounds for an address that is not there."""
    from django.contrib.auth.hashers import MD5PasswordHasher

    hashed: list[object] = []
    encode = MD5PasswordHasher.encode

    def counted(*args: Any) -> str:
        hashed.append(args)
        return encode(*args)

    monkeypatch.setattr(MD5PasswordHasher, "encode", counted)
    counts = []
    for email in (person.email, "nobody@salon.example"):
        hashed.clear()
        log_in(email, "guessed")
        counts.append(len(hashed))
    assert counts == [1, 1]


def test_reset_without_redis_asks_everybody_to_come_later(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import redis

    from user.tasks import send_password_reset

    def away(*_: Any) -> None:
        raise redis.ConnectionError

    monkeypatch.setattr(send_password_reset, "send", away)
    make_owner(make_salon(), email="known@salon.example")
    for email in ("known@salon.example", "nobody@salon.example"):
        client = APIClient(raise_request_exception=False)
        answer = client.post("/users/password-reset/", {"email": email})
        assert answer.status_code == 503
        assert answer["Retry-After"] == "60"
