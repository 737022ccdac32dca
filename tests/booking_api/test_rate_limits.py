from __future__ import annotations

import time
from typing import Any

import pytest
import redis
from django.test import RequestFactory

from booking_api.client_address import client_network
from booking_api.rate_limits import Counters, Limit, counters, take
from tests.factories import make_salon, make_user
from tests.racing import race

DEAD_REDIS = "redis://127.0.0.1:9/0"


def uses(limit: Limit, times: int) -> list[bool]:
    return [verdict.is_allowed for verdict in (take(limit) for _ in range(times)) if verdict]


# --- Counting -----------------------------------------------------------------------------------------------


def test_so_many_are_allowed_at_once_and_no_more() -> None:
    assert uses(Limit("a", 5, 60), 7) == [True] * 5 + [False] * 2


def test_what_was_used_is_regained_bit_by_bit() -> None:
    limit = Limit("a", 4, 8)
    assert uses(limit, 5) == [True] * 4 + [False]
    time.sleep(2.1)
    assert uses(limit, 2) == [True, False]


def test_refused_request_uses_nothing_of_any_limit() -> None:
    narrow, wide = Limit("narrow", 1, 60), Limit("wide", 3, 60)
    for _ in range(5):
        take(narrow, wide)
    assert uses(wide, 3) == [True, True, False]


def test_the_nearest_limit_is_the_one_told() -> None:
    for _ in range(2):
        verdict = take(Limit("ip", 100, 600), Limit("user", 3, 600))
    assert verdict is not None
    assert verdict.headers() == {
        "RateLimit-Limit": "3",
        "RateLimit-Remaining": "1",
        "RateLimit-Reset": "400",
        "RateLimit-Policy": "3;w=600",
    }


def test_refusal_says_when_to_come_back() -> None:
    uses(Limit("a", 2, 60), 2)
    verdict = take(Limit("a", 2, 60))
    assert verdict is not None
    assert (verdict.is_allowed, verdict.wait_seconds, verdict.headers()["RateLimit-Remaining"]) == (False, 30, "0")


def test_no_limit_is_no_limit() -> None:
    assert take(Limit("a", 0, 60)) is None


@pytest.mark.django_db
def test_many_at_once_get_no_more_than_one_after_the_other() -> None:
    limit = Limit("a", 7, 600)
    allowed = race(*[lambda: bool((verdict := take(limit)) and verdict.is_allowed)] * 20)
    assert allowed.count(True) == 7


def test_counters_expire_by_themselves(settings: Any) -> None:
    take(Limit("a", 60, 60))
    assert 0 < counters._client.pttl(f"{settings.COUNTER_PREFIX}limit:a") <= 1000


def test_one_round_trip(monkeypatch: pytest.MonkeyPatch) -> None:
    take(Limit("warm", 5, 60))
    sent: list[Any] = []
    execute = redis.Redis.execute_command

    def counted(self: Any, *args: Any, **options: Any) -> Any:
        sent.append(args[0])
        return execute(self, *args, **options)

    monkeypatch.setattr(redis.Redis, "execute_command", counted)
    take(Limit("a", 5, 60), Limit("b", 5, 60))
    assert sent == ["EVALSHA"]


def test_redis_that_is_away_is_asked_once_and_then_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    away = Counters(DEAD_REDIS, timeout_seconds=0.2)
    assert away.run("return 1", [], []) is None
    monkeypatch.setattr(away, "_client", None)
    assert away.run("return 1", [], []) is None


# --- In the API -----------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_user_is_limited_wherever_they_ask(api: Any, settings: Any) -> None:
    settings.RATE_LIMIT_PER_USER = 3
    salon = make_salon()
    client = api(make_user(salon))
    for path, left in (("/salons/", "2"), (f"/salons/{salon.pk}/", "1"), ("/nothing/", None), ("/customers/", "0")):
        assert client.get(path).headers.get("RateLimit-Remaining") == left
    refused = client.get("/users/me/")
    assert refused.status_code == 429
    assert refused.json()["errors"][0]["code"] == "throttled"
    assert 10 < int(refused["Retry-After"]) <= 20
    assert refused["RateLimit-Remaining"] == "0"
    assert api(make_user(salon)).get("/salons/").status_code == 200


@pytest.mark.django_db
def test_address_is_limited_whoever_asks(api: Any, settings: Any) -> None:
    settings.RATE_LIMIT_PER_IP = 3
    salon = make_salon()
    assert [api(make_user(salon)).get("/salons/").status_code for _ in range(4)] == [200, 200, 200, 429]


@pytest.mark.django_db
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer guessed"}])
def test_requests_without_right_credentials_count_too(api: Any, settings: Any, headers: dict[str, str]) -> None:
    settings.RATE_LIMIT_PER_IP = 3
    statuses = [api().get("/salons/", headers=headers).status_code for _ in range(4)]
    assert statuses == [401, 401, 401, 429]


@pytest.mark.django_db
def test_api_goes_on_without_redis(api: Any, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.RATE_LIMIT_PER_USER = 1
    monkeypatch.setattr(counters, "_client", Counters(DEAD_REDIS, 0.2)._client)
    monkeypatch.setattr(counters, "_paused_until", 0.0)
    client = api(make_user(make_salon()))
    for _ in range(3):
        answer = client.get("/salons/")
        assert answer.status_code == 200
        assert "RateLimit-Limit" not in answer


def test_defaults_are_generous(settings: Any) -> None:
    assert settings.RATE_LIMIT_PER_USER >= 3000
    assert settings.RATE_LIMIT_PER_IP >= 6000


# --- Where a request comes from -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("proxies", "forwarded", "network"),
    [
        (0, "", "192.0.2.1"),
        (0, "198.51.100.7", "192.0.2.1"),
        (1, "198.51.100.7", "198.51.100.7"),
        (1, "10.9.9.9, 198.51.100.7", "198.51.100.7"),
        (2, "10.9.9.9, 198.51.100.7, 203.0.113.5", "198.51.100.7"),
        (2, "198.51.100.7", "192.0.2.1"),
        (1, "", "unknown"),
        (1, "nonsense", "unknown"),
        (1, "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        (1, "::ffff:198.51.100.7", "198.51.100.7"),
    ],
)
def test_only_trusted_proxies_are_believed(settings: Any, proxies: int, forwarded: str, network: str) -> None:
    settings.TRUSTED_PROXIES = proxies
    request = RequestFactory().get("/", REMOTE_ADDR="192.0.2.1", HTTP_X_FORWARDED_FOR=forwarded)
    assert client_network(request) == network
