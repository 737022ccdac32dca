"""How each process of the Procfile starts, refuses to start, and stops."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from tests.processes import Stack, Unit, procfile

PRODUCTION = ("web", "worker", "dispatcher")
REQUIRED = ("DJANGO_SECRET_KEY", "ALLOWED_HOSTS", "TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_PHONE_NUMBER")


@pytest.fixture
def stack(crowded_stack: Stack) -> Stack:
    return crowded_stack


@pytest.mark.parametrize("name", PRODUCTION)
def test_start_without_required_variables_stops_with_a_message_that_names_each(
    stack: Stack, name: str, tmp_path: Path
) -> None:
    environ = {key: value for key, value in stack.environ.items() if key not in REQUIRED} | {"PORT": "0"}
    done = subprocess.run(
        ["/bin/sh", "-c", procfile()[name]], env=environ, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode != 0
    said = done.stdout + done.stderr
    for variable in REQUIRED:
        assert f"{variable} is not set." in said
    assert "Traceback" not in said


def stop_seconds(unit: Unit) -> float:
    begun = time.monotonic()
    unit.stop()
    return time.monotonic() - begun


@pytest.mark.parametrize("name", ["web", "worker", "dispatcher"])
def test_process_stops_within_ten_seconds_of_sigterm_and_leaves_no_children(stack: Stack, name: str) -> None:
    unit = stack.add(name, PORT="0")
    time.sleep(4)
    assert unit.is_running, stack.log_end(name)
    seconds = stop_seconds(unit)
    stack.units[name].remove(unit)
    assert seconds < 10
    assert unit.pids() == []


def test_dispatcher_stops_within_ten_seconds_while_twilio_answers_no_question(stack: Stack) -> None:
    salon = stack.seed(customers=30)[0]
    api = stack.login(salon.owner)
    for unit in list(stack.units["dispatcher"]):
        stack.remove(unit)
    stack.twilio.callbacks("never")
    stack.twilio.fault("500", count=60)
    stack.twilio.fault("hang", path="list", count=500, seconds=30)
    in_a_day = "2 days"
    try:
        for number, customer in enumerate(salon.customers, 1):
            api.call(
                "POST",
                "/appointments/",
                salon=salon.id,
                user=salon.owner.user_id,
                customer=customer.id,
                column_id=number,
                appointment_time=stack.query(f"SELECT (now() + interval '{in_a_day}')::timestamptz")[0][0].isoformat(),
            )
        time.sleep(1)
        unit = stack.add("dispatcher")
        time.sleep(5)
        assert stop_seconds(unit) < 10
        stack.units["dispatcher"].remove(unit)
        assert stack.query("SELECT count(*) FROM sms_message WHERE status = 'unknown'")[0][0] >= 20
    finally:
        stack.twilio.reset()
        for _ in range(2):
            stack.add("dispatcher")
