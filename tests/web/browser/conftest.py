from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser

from devstack import browser
from tests.processes import SeededSalon, Stack, another_redis_database
from tests.web.browser.desk import Desk, Salon, Staff, busy

SALONS = 30


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """One for all tests here; it ends with them, since its event loop would keep others from the database."""
    if browser.find(os.environ) is None:
        if os.environ.get("BROWSER_TESTS") == "required":
            pytest.fail(browser.ADVICE, pytrace=False)
        pytest.skip(browser.ADVICE)
    with browser.chromium(os.environ) as running:
        yield running


@pytest.fixture(scope="package")
def stack(chromium: Browser) -> Iterator[Stack]:
    """Web, worker, dispatcher and the local Twilio, as the Procfile starts them."""
    with Stack(
        overrides={"WORKER_PROCESSES": "1", "WORKER_THREADS": "4"},
        database_url=os.environ.get("DATABASE_URL", ""),
        redis_url=another_redis_database(os.environ.get("REDIS_URL", ""), steps=2),
    ) as running:
        yield running


@pytest.fixture(scope="package")
def seeded(stack: Stack) -> list[SeededSalon]:
    """Salons of one owner, and the last of an owner of its own."""
    wanted = [{"customers": 2, "owner": "olivia@salon.example", "fields": {}}] * SALONS
    return stack.seed_each([*wanted, {"customers": 2, "owner": "", "fields": {}}])


@pytest.fixture(scope="package")
def staff(stack: Stack, chromium: Browser, seeded: list[SeededSalon]) -> Staff:
    """Who owns all the salons but the last, logged in by the login page, and by the API."""
    return Staff(chromium, stack, seeded[:-1])


@pytest.fixture(scope="package")
def busy_salon(stack: Stack, chromium: Browser, seeded: list[SeededSalon]) -> Salon:
    """With working hours, services, and visits in several states."""
    return busy(Staff(chromium, stack, seeded[-1:]))


@pytest.fixture
def make_salon(staff: Staff) -> Callable[..., Salon]:
    """A salon that no other test uses, with the given fields."""
    return staff.next_salon


@pytest.fixture
def salon(make_salon: Callable[..., Salon]) -> Salon:
    return make_salon()


@pytest.fixture
def open_desk() -> Iterator[Callable[..., Desk]]:
    """A browser window of its own at a salon's desk. No page may have complained of anything when the test ends."""
    opened: list[Desk] = []

    def open_window(salon: Salon, **options: Any) -> Desk:
        opened.append(salon.staff.window(salon, **options))
        return opened[-1]

    yield open_window
    complaints = [complaint for desk in opened for complaint in desk.complaints]
    for desk in opened:
        desk.close()
    assert complaints == []


@pytest.fixture
def desk(open_desk: Callable[..., Desk], salon: Salon) -> Desk:
    return open_desk(salon)
