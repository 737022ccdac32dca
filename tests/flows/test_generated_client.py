"""A client that a public generator makes from the committed description, and nothing else, books, moves and cancels."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from devstack.paths import CHECKOUT
from tests.processes import Stack


@pytest.fixture
def generated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Imports a module of the client, by its name below the package."""
    subprocess.run(
        [
            *[sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none"],
            *["--path", str(CHECKOUT / "docs/openapi.yaml"), "--output-path", str(tmp_path / "generated_client")],
        ],
        check=True,
        capture_output=True,
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield lambda name: importlib.import_module(f"generated_client.{name}")
    for name in [name for name in sys.modules if name.startswith("generated_client")]:
        del sys.modules[name]


def test_generated_client_books_moves_and_cancels(generated: Any, stack: Stack) -> None:
    models, starts_at = generated("models"), datetime.now(UTC).replace(microsecond=0) + timedelta(days=3)
    salon = stack.seed(salons=1, customers=1)[0]
    phone = salon.customers[0].phone_number
    anonymous = generated("client").Client(base_url=stack.base_url)
    login = models.LoginRequest(email=salon.owner.email, password=salon.owner.password)
    tokens = generated("api.users.users_login_create").sync(client=anonymous, body=login)
    client = generated("client").AuthenticatedClient(base_url=stack.base_url, token=tokens.access)

    wanted = models.AppointmentRequest(
        salon=salon.id, user=tokens.user.id, customer=salon.customers[0].id, appointment_time=starts_at
    )
    booked = generated("api.appointments.appointments_create").sync(client=client, body=wanted)
    stack.twilio.wait_for_messages(1, phone)
    later = models.PatchedAppointmentRequest(appointment_time=starts_at + timedelta(hours=1))
    moved = generated("api.appointments.appointments_partial_update").sync(booked.id, client=client, body=later)
    assert moved.appointment_time == starts_at + timedelta(hours=1)
    stack.twilio.wait_for_messages(2, phone)
    cancelled = generated("api.appointments.appointments_cancel_create").sync(
        booked.id, client=client, body=models.CancelRequest(reason="ill")
    )
    assert cancelled.status == "cancelled"
    texts = stack.twilio.wait_for_messages(3, phone)
    assert ["confirmed" in text["body"] for text in texts] == [True, True, False]
