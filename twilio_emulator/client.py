"""The control API from Python: for tests, the demo and the benchmarks."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

ROOT = Path(__file__).resolve().parent.parent


class EmulatorClient:
    """Talks to the local Twilio at `base_url`, such as http://127.0.0.1:4010. ValueError on refused input."""

    def __init__(self, base_url: str, timeout_seconds: float = 30.0) -> None:
        self.base_url = base_url.rstrip("/")
        self._timeout_seconds = timeout_seconds
        self._session = requests.Session()
        self._session.trust_env = False

    def _call(self, method: str, path: str, **arguments: Any) -> Any:
        answer = self._session.request(method, f"{self.base_url}{path}", timeout=self._timeout_seconds, **arguments)
        if answer.status_code == 400:
            raise ValueError(answer.json()["error"])
        answer.raise_for_status()
        return answer.json()

    def messages(
        self, to: str | None = None, since_ms: float = 0, direction: str = "outbound-api"
    ) -> list[dict[str, Any]]:
        """Every accepted text, oldest first. `direction` may be inbound, outbound-reply or all."""
        query = {"to": to, "since_ms": since_ms, "direction": direction}
        found: list[dict[str, Any]] = self._call("GET", "/_control/messages", params=query)["messages"]
        return found

    def wait_for_messages(
        self, count: int, to: str | None = None, timeout_seconds: float = 10.0
    ) -> list[dict[str, Any]]:
        """The accepted texts as soon as there are `count`. Raises TimeoutError if they do not come."""
        give_up_at = time.monotonic() + timeout_seconds
        while len(found := self.messages(to)) < count:
            if time.monotonic() > give_up_at:
                raise TimeoutError(f"{len(found)} of {count} texts after {timeout_seconds:g} s")
            time.sleep(0.05)
        return found

    def fault(self, kind: str, count: int | None = None, **options: Any) -> dict[str, Any]:
        """Arm a fault: `count` or `probability`, and path, seconds, code, status, to (see faults.py)."""
        body = {"kind": kind, "count": count, **options}
        armed: dict[str, Any] = self._call(
            "POST", "/_control/faults", json={k: v for k, v in body.items() if v is not None}
        )
        return armed

    def faults(self) -> dict[str, Any]:
        """What is armed, how often each kind fired, and the modes."""
        found: dict[str, Any] = self._call("GET", "/_control/faults")
        return found

    def clear_faults(self) -> None:
        self._call("DELETE", "/_control/faults")

    def reset(self) -> None:
        """Forget texts, faults, opt-outs, modes and counts."""
        self._call("POST", "/_control/reset")

    def callbacks(self, mode: str, seconds: float | None = None) -> None:
        """`mode`: normal, never, late, doubled or out_of_order."""
        body = {"mode": mode} if seconds is None else {"mode": mode, "seconds": seconds}
        self._call("POST", "/_control/callbacks", json=body)

    def latency(self, ms: float) -> None:
        """How long a create takes to answer."""
        self._call("POST", "/_control/latency", json={"ms": ms})

    def delivery(self, sent_ms: float, delivered_ms: float) -> None:
        """When a text is sent and delivered, counted from acceptance."""
        self._call("POST", "/_control/delivery", json={"sent_ms": sent_ms, "delivered_ms": delivered_ms})

    def list_lag(self, seconds: float) -> None:
        """The list hides texts younger than this."""
        self._call("POST", "/_control/list_lag", json={"seconds": seconds})

    def listen(self, seconds: float) -> None:
        """Refuse all connections, this client's too, for `seconds`."""
        self._call("POST", "/_control/listen", json={"open": False, "seconds": seconds})

    def stats(self) -> dict[str, Any]:
        found: dict[str, Any] = self._call("GET", "/_control/stats")
        return found

    def reply(self, number: str, body: str, to: str | None = None) -> dict[str, Any]:
        """Text from the phone `number` to the business number `to`; returns what the inbound webhook said."""
        outcome: dict[str, Any] = self._call("POST", f"/_phones/{number}/reply", json={"body": body, "to": to})
        return outcome


@contextmanager
def running_emulator(*arguments: str, environment: Mapping[str, str] | None = None) -> Iterator[EmulatorClient]:
    """Start a local Twilio of one's own on a free port, and stop it at the end.

    `arguments` are command line flags; `environment` is laid over this process's own.
    """
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", "twilio_emulator", "--port", "0", *arguments],
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None  # noqa: S101
        line = process.stdout.readline()
        if "http://" not in line:
            raise RuntimeError("the local Twilio did not start; its reason is above")
        yield EmulatorClient("http://" + line.split("http://")[1].split("/")[0])
    finally:
        process.terminate()
        process.wait(timeout=5)
