"""The booking API as an outside client sees it: HTTP and JSON, nothing else."""

import time
from dataclasses import dataclass
from typing import Any

import requests

from devstack.errors import DevstackError

TIMEOUT_SECONDS = 10.0


class Refused(DevstackError):
    """The API answered something else than was asked for."""


@dataclass(frozen=True)
class Answer:
    """What came back, and when (milliseconds since 1970)."""

    body: Any
    at_ms: float


class Api:
    """A logged-in client of the API at `base_url`. Not for several threads: `copy` makes one for each."""

    def __init__(self, base_url: str, token: str = "") -> None:
        self.base_url, self.token = base_url, token
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy between us and this machine

    def copy(self) -> "Api":
        return Api(self.base_url, self.token)

    def log_in(self, email: str, password: str) -> None:
        self.token = ""
        answer = self.post("/users/login/", {"email": email, "password": password}, expect=200)
        self.token = answer.body["access"]

    def get(self, path: str) -> Answer:
        return self._call("GET", path, None, 200)

    def post(self, path: str, body: dict[str, Any], expect: int = 201) -> Answer:
        return self._call("POST", path, body, expect)

    def patch(self, path: str, body: dict[str, Any]) -> Answer:
        return self._call("PATCH", path, body, 200)

    def delete(self, path: str) -> Answer:
        return self._call("DELETE", path, None, 204)

    def _call(self, method: str, path: str, body: dict[str, Any] | None, expect: int) -> Answer:
        """Raises `Refused` where the status is not `expect`."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        response = self._session.request(
            method, self.base_url + path, json=body, headers=headers, timeout=TIMEOUT_SECONDS
        )
        at_ms = time.time() * 1000
        if response.status_code != expect:
            raise Refused(f"{method} {path} answered {response.status_code}, not {expect}: {response.text[:500]}")
        return Answer(response.json() if response.content else None, at_ms)
