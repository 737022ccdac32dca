from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from rest_framework.test import APIClient

from tests.delivering import SENDER
from twilio_emulator.client import EmulatorClient, running_emulator
from user.models import ExtendedUser

ACCOUNT_SID = "AC00000000000000000000000000000000"
AUTH_TOKEN = "local-auth-token"


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
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    if "twilio" in request.fixturenames:
        settings.TWILIO_BASE_URL = request.getfixturevalue("twilio").base_url


@pytest.fixture
def api() -> Callable[[ExtendedUser | None], APIClient]:
    """A JSON client, logged in as the given user."""

    def client_of(user: ExtendedUser | None = None) -> APIClient:
        client = APIClient()
        if user is not None:
            client.force_authenticate(user)
        return client

    return client_of
