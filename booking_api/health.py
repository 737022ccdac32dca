"""Is this process alive, and is the whole fit to do its work?"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from datetime import timedelta

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from prometheus_client import CONTENT_TYPE_LATEST

from booking_api.broker import broker
from sms import heartbeats, holds, metrics
from sms.clock import database_now
from sms.models import SenderHold

LONGEST_SILENCE = timedelta(seconds=30)
LONGEST_OVERDUE_SECONDS = 60


class Unfit(Exception):
    """Why a part cannot do its work."""


def alive(request: HttpRequest) -> JsonResponse:
    """This process answers."""
    return JsonResponse({"status": "ok"})


def ready(request: HttpRequest) -> JsonResponse:
    """Every part by name, 503 where one is not fit; a stopped sender is shown, as only a person can help it."""
    parts = {name: _examine(examine) for name, examine in PARTS.items()}
    is_fit = all(part == "ok" or part.startswith("ok:") for part in parts.values())
    body = {"status": "ok" if is_fit else "unfit", "parts": parts, "banner": _banner(parts["database"] == "ok")}
    return JsonResponse(body, status=200 if is_fit else 503)


def prometheus(request: HttpRequest) -> HttpResponse:
    """Metrics, for whoever has METRICS_TOKEN; without that setting there are none to see."""
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not settings.METRICS_TOKEN or not hmac.compare_digest(given.encode(), settings.METRICS_TOKEN.encode()):
        return HttpResponse("Send the METRICS_TOKEN as a bearer token.\n", status=401, content_type="text/plain")
    return HttpResponse(metrics.exposition(), content_type=CONTENT_TYPE_LATEST)


def _examine(examine: Callable[[], str]) -> str:
    try:
        return examine()
    except Unfit as why:
        return str(why)
    except (DatabaseError, redis.RedisError) as error:
        return f"no answer: {type(error).__name__}"


def _database() -> str:
    database_now()
    return "ok"


def _redis() -> str:
    broker.client.ping()
    return "ok"


def _migrations() -> str:
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        raise Unfit(f"{len(missing)} not applied: run manage.py migrate")
    return "ok"


def _process(name: str) -> Callable[[], str]:
    def examine() -> str:
        seen_at = heartbeats.last_beats().get(name)
        if seen_at is None:
            raise Unfit(f"no {name} has ever been seen: start one")
        silence = database_now() - seen_at
        if silence > LONGEST_SILENCE:
            raise Unfit(f"no {name} seen for {silence.total_seconds():.0f} s: start one")
        return "ok"

    return examine


def _texts() -> str:
    overdue = metrics.ledger_now()["oldest_overdue_seconds"]
    if overdue <= LONGEST_OVERDUE_SECONDS:
        return f"ok: oldest overdue {overdue} s"
    if SenderHold.objects.exists():
        return f"ok: waiting for the stopped sender, oldest overdue {overdue} s"
    raise Unfit(f"a text is overdue by {overdue} s: run manage.py sms_doctor")


def _banner(is_database_there: bool) -> str | None:
    if not is_database_there:
        return None
    hold = SenderHold.objects.order_by("since").first()
    if hold is not None:
        return f"No texts go out from {hold.sender} since {hold.since:%Y-%m-%d %H:%M} UTC: {hold.detail}."
    blocked = holds.blocked_texts()
    if not blocked:
        return None
    codes = ", ".join(str(code) for code in sorted(blocked))
    return f"Texts that wait for a person: {sum(blocked.values())} (Twilio's error {codes}). Run manage.py sms_doctor."


PARTS: dict[str, Callable[[], str]] = {
    "database": _database,
    "redis": _redis,
    "migrations": _migrations,
    "dispatcher": _process(heartbeats.DISPATCHER),
    "worker": _process(heartbeats.WORKER),
    "texts": _texts,
}
