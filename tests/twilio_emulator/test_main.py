from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from urllib.parse import urlsplit

import pytest
import requests

from twilio_emulator.client import ROOT, EmulatorClient, running_emulator
from twilio_emulator.settings import from_arguments

from .conftest import PHONE, real_client

COMMAND = [sys.executable, "-m", "twilio_emulator"]


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=10,
        check=False,
    )


def test_a_port_that_is_taken_is_one_clear_line(emulator: EmulatorClient) -> None:
    port = str(urlsplit(emulator.base_url).port)
    ended = run("--port", port)
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    assert f"127.0.0.1:{port}" in ended.stderr
    assert "--port" in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (("--port", "99999"), "not a port"),
        (("--latency-ms", "fast"), "whole number"),
        (("--inbound-url", "somewhere"), "not an http(s) URL"),
        (("--sent-ms", "500"), "--delivered-ms must not be smaller"),
        (("--unknown",), "unrecognized arguments"),
    ],
)
def test_bad_arguments_are_told_clearly(arguments: tuple[str, ...], hint: str) -> None:
    ended = run(*arguments)
    assert ended.returncode == 2
    assert hint in ended.stderr
    assert "Traceback" not in ended.stderr


def test_flags_win_over_the_environment() -> None:
    environment = {
        "TWILIO_EMULATOR_PORT": "5001",
        "TWILIO_ACCOUNT_SID": "AC1",
        "TWILIO_AUTH_TOKEN": "secret",
        "TWILIO_PHONE_NUMBER": "+447700900001",
        "TWILIO_EMULATOR_INBOUND_URL": "http://127.0.0.1:1/",
    }
    settings = from_arguments([], environment)
    assert (settings.port, settings.account_sid, settings.auth_token) == (5001, "AC1", "secret")
    assert (settings.numbers, settings.inbound_url) == (("+447700900001",), "http://127.0.0.1:1/")
    assert from_arguments(["--port", "5002", "--numbers", "+1555,+1666"], environment).numbers == (
        "+1555",
        "+1666",
    )
    assert from_arguments([], {}).port == 4010


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_within_two_seconds_even_while_a_request_hangs(number: int) -> None:
    with subprocess.Popen(
        [*COMMAND, "--port", "0"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        emulator = EmulatorClient("http://" + line.split("http://")[1].split("/")[0])
        emulator.fault("hang", seconds=60)
        with pytest.raises(requests.Timeout):
            real_client(emulator, timeout_seconds=0.1).messages.create(to=PHONE, from_="+15005550006", body="x")
        started = time.monotonic()
        process.send_signal(number)
        _, errors = process.communicate(timeout=5)
    assert time.monotonic() - started < 2
    assert (process.returncode, errors) == (0, "")


def test_it_runs_without_django() -> None:
    program = (
        "import sys, twilio_emulator.server, twilio_emulator.client; "
        "sys.exit(any(m.split('.')[0] == 'django' for m in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode == 0


def test_memory_keeps_no_more_than_it_is_told() -> None:
    with running_emulator("--keep", "3") as emulator:
        client = real_client(emulator)
        for i in range(5):
            client.messages.create(to=PHONE, from_="+15005550006", body=str(i))
        assert [m["body"] for m in emulator.messages()] == ["2", "3", "4"]
