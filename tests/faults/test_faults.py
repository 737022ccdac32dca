"""The fault suite in its short form: the same code, fewer bookings, shorter outages."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from tests.faults import report, suite
from tests.faults.plans_design import PlansDesign
from tests.faults.scenarios import SCENARIOS, SHIFTED_CLOCK
from tests.faults.suite import SHORT, Scenario
from tests.faults.system import Product


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    with suite.start(SHORT) as stack:
        yield Product(stack)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.key)
def test_every_phone_gets_what_it_is_owed(product: Product, scenario: Scenario) -> None:
    row = suite.run(scenario, product, SHORT)
    assert row.passed, "\n".join([report.head(), report.line(row), *report.details(row)])
    assert row.bookings >= SHORT.bookings
    assert row.received >= row.owed > SHORT.bookings


def test_the_plans_design_is_seen_to_fail() -> None:
    """The baseline, with nothing broken but a few reminders moved: a suite that passes it would see nothing."""
    with suite.start(SHORT, counts={"twilio": 1}) as stack:
        row = suite.run(SCENARIOS[0], PlansDesign(stack), SHORT)
    assert row.lost
    assert row.stale


def test_shifted_clock_is_shifted() -> None:
    environ = {**os.environ, "PYTHONPATH": str(SHIFTED_CLOCK), "CLOCK_SHIFT_SECONDS": "300"}
    shown = subprocess.run([sys.executable, "-c", "import time; print(time.time())"], env=environ, capture_output=True)
    assert float(shown.stdout) - time.time() == pytest.approx(300, abs=5)
