"""A local Twilio of the tests' own, the real client for it, and an application that it calls back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

import pytest
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from twilio_emulator.client import EmulatorClient, running_emulator
from twilio_emulator.settings import LOCAL_ACCOUNT_SID, LOCAL_AUTH_TOKEN

SENDER = "+15005550006"
PHONE = "+447400123456"


@dataclass
class Call:
    """One webhook as it arrived."""

    path: str
    headers: dict[str, str]
    form: dict[str, str]
    at: float


@dataclass
class Receiver:
    """The application under callback: records every webhook and answers what it is told to."""

    url: str = ""
    calls: list[Call] = field(default_factory=list)
    status: int = 204
    body: bytes = b""

    def forget(self) -> None:
        self.calls.clear()
        self.status, self.body = 204, b""

    def statuses(self) -> list[str]:
        return [call.form["MessageStatus"] for call in self.calls]

    def wait_for(self, count: int, timeout_seconds: float = 5.0) -> list[Call]:
        give_up_at = time.monotonic() + timeout_seconds
        while len(self.calls) < count and time.monotonic() < give_up_at:
            time.sleep(0.01)
        assert len(self.calls) >= count, f"{len(self.calls)} of {count} webhooks arrived"
        return self.calls


def handler_for(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = dict(parse_qsl(content, keep_blank_values=True, strict_parsing=True))
            receiver.calls.append(Call(self.path, dict(self.headers), form, time.monotonic()))
            self.send_response(receiver.status)
            if receiver.status != 204:
                self.send_header("Content-Length", str(len(receiver.body)))
            self.end_headers()
            self.wfile.write(receiver.body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Handler


@pytest.fixture(scope="session")
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler_for(receiver))
    server.daemon_threads = True
    receiver.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield receiver
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def running(receiving: Receiver) -> Iterator[EmulatorClient]:
    flags = ("--inbound-url", f"{receiving.url}/sms/inbound/", "--sent-ms", "20", "--delivered-ms", "80")
    account = {"TWILIO_ACCOUNT_SID": LOCAL_ACCOUNT_SID, "TWILIO_AUTH_TOKEN": LOCAL_AUTH_TOKEN}
    with running_emulator(*flags, environment={**account, "TWILIO_PHONE_NUMBER": ""}) as emulator:
        yield emulator


@pytest.fixture
def receiver(receiving: Receiver, emulator: EmulatorClient) -> Receiver:
    receiving.forget()
    return receiving


@pytest.fixture
def emulator(running: EmulatorClient) -> EmulatorClient:
    running.reset()
    return running


@pytest.fixture
def twilio(emulator: EmulatorClient) -> Client:
    return real_client(emulator)


def real_client(emulator: EmulatorClient, timeout_seconds: float = 5.0) -> Client:
    client = Client(LOCAL_ACCOUNT_SID, LOCAL_AUTH_TOKEN, http_client=TwilioHttpClient(timeout=timeout_seconds))
    client.api.base_url = emulator.base_url
    return client


@pytest.fixture
def send(twilio: Client) -> Callable[..., Any]:
    """Create a text with the real client; every argument has a default."""

    def create(body: str = "Hello", to: str = PHONE, from_: str = SENDER, **more: Any) -> Any:
        return twilio.messages.create(to=to, from_=from_, body=body, **more)

    return create


def wait_until(condition: Callable[[], object], timeout_seconds: float = 5.0) -> None:
    give_up_at = time.monotonic() + timeout_seconds
    while not condition():
        assert time.monotonic() < give_up_at, "it did not happen in time"
        time.sleep(0.01)
