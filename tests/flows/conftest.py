from collections.abc import Iterator

import pytest

from tests.processes import Stack


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """One process of each kind, for the flows that need nothing special; each makes a salon of its own."""
    with Stack() as running:
        yield running
