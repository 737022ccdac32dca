from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from user.models import ExtendedUser


@pytest.fixture
def desk() -> Callable[[ExtendedUser | None], Client]:
    """A browser that sends no scripts' headers, logged in as the given user."""

    def client_of(user: ExtendedUser | None = None) -> Client:
        client = Client()
        if user is not None:
            client.force_login(user)
        return client

    return client_of
