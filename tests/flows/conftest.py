from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.processes import Stack, another_redis_database


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """One process of each kind, for the flows that need nothing special; each makes a salon of its own."""
    with Stack() as running:
        yield running


@pytest.fixture(scope="session")
def crowded_stack() -> Iterator[Stack]:
    """Web, two dispatchers, four worker processes and the local Twilio, as the Procfile starts them."""
    with Stack(
        counts={"web": 1, "worker": 2, "dispatcher": 2, "twilio": 1},
        overrides={"WORKER_PROCESSES": "2", "WORKER_THREADS": "4"},
        database_url=os.environ.get("DATABASE_URL", ""),
        redis_url=another_redis_database(os.environ.get("REDIS_URL", "")),
    ) as running:
        yield running
