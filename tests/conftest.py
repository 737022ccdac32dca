from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import pytest_socket
from rest_framework.test import APIClient

from booking_api.broker import broker, nudge
from tests.delivering import SENDER
from twilio_emulator.client import EmulatorClient, running_emulator
from user.models import ExtendedUser

ACCOUNT_SID = "AC00000000000000000000000000000000"
AUTH_TOKEN = "local-auth-token"


@pytest.fixture(autouse=True)
def _only_our_own_sockets() -> None:
    """Nothing leaves the machine; PostgreSQL and Redis may stand where the environment says."""
    from django.conf import settings

    own_servers = {settings.DATABASES["default"]["HOST"], urlsplit(settings.REDIS_URL).hostname}
    hosts = ["127.0.0.1", "localhost", "::1", *(host for host in own_servers if host and "/" not in host)]
    pytest_socket.socket_allow_hosts(hosts, allow_unix_socket=True)


@pytest.fixture(scope="session")
def django_db_modify_db_settings() -> None:
    """Threads of the live server leave no connection behind that would keep the test database from being dropped."""
    from django.db import connections

    connections.settings["default"]["CONN_MAX_AGE"] = 0


@pytest.fixture(scope="session")
def twilio_process() -> Iterator[EmulatorClient]:
    own = {
        "TWILIO_ACCOUNT_SID": ACCOUNT_SID,
        "TWILIO_AUTH_TOKEN": AUTH_TOKEN,
        "TWILIO_PHONE_NUMBER": SENDER,
    }
    with running_emulator(environment=own) as emulator:
        yield emulator


@pytest.fixture
def twilio(twilio_process: EmulatorClient) -> EmulatorClient:
    """The local Twilio, with no texts and no faults."""
    twilio_process.reset()
    return twilio_process


@pytest.fixture(autouse=True)
def _local_settings(settings: Any, request: pytest.FixtureRequest) -> None:
    """Tests read no TWILIO_… variable of the environment, and reach Twilio only where they ask for it."""
    settings.TWILIO_ACCOUNT_SID = ACCOUNT_SID
    settings.TWILIO_AUTH_TOKEN = AUTH_TOKEN
    settings.TWILIO_PHONE_NUMBER = SENDER
    settings.TWILIO_BASE_URL = "http://127.0.0.1:9"
    settings.PUBLIC_BASE_URL = ""
    settings.COUNTER_PREFIX = f"test:{uuid4()}:"  # what another test used up is none of this one's
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    if "twilio_process" in request.fixturenames:
        settings.TWILIO_BASE_URL = request.getfixturevalue("twilio_process").base_url


@pytest.fixture
def queues() -> Iterator[Any]:
    """The Redis broker with empty queues, before and after."""
    broker.flush_all()
    nudge._paused_until = 0.0
    yield broker
    broker.flush_all()


@pytest.fixture
def callbacks_arrive(settings: Any, live_server: Any, twilio: EmulatorClient) -> Any:
    """The local Twilio can reach our webhooks; texts are delivered within milliseconds."""
    settings.PUBLIC_BASE_URL = live_server.url
    twilio.delivery(sent_ms=10, delivered_ms=40)
    return live_server


@pytest.fixture
def printed() -> Iterator[io.StringIO]:
    """What the log prints meanwhile, formatted as in production."""
    root, lines = logging.getLogger(), io.StringIO()
    (stderr,) = [handler for handler in root.handlers if type(handler.formatter).__name__ == "ProcessorFormatter"]
    listener = logging.StreamHandler(lines)
    listener.setFormatter(stderr.formatter)
    root.addHandler(listener)
    yield lines
    root.removeHandler(listener)


@pytest.fixture
def api() -> Callable[[ExtendedUser | None], APIClient]:
    """A JSON client, logged in as the given user."""

    def client_of(user: ExtendedUser | None = None) -> APIClient:
        client = _ApiClient()
        if user is not None:
            client.force_authenticate(user)
        return client

    return client_of


class _ApiClient(APIClient):
    """Whom its user works for is asked anew by each request, as by one that brings a token."""

    def request(self, **kwargs: Any) -> Any:
        user: Any = self.handler._force_user  # type: ignore[attr-defined]
        if user is not None:
            vars(user).pop("salon_ids", None)
        return super().request(**kwargs)
