"""Requests made from the API's description, right ones and wrong ones: no 5xx, no answer outside the description.

`make test` tries a few an operation; SCHEMATHESIS_EXAMPLES=500 make test ARGS="tests/test_schemathesis.py" many. All
checks are on but one, that whatever fits the description is accepted: it cannot say that a customer exists, that
a number takes texts or that a time is free.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from devstack.paths import CHECKOUT
from tests.processes import Stack

EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "5"))

schema = schemathesis.openapi.from_path(CHECKOUT / "docs/openapi.yaml")


@dataclass(frozen=True)
class Target:
    base_url: str
    headers: dict[str, dict[str, str]]


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    """A running web process, with a salon, and what its owner, its staff and nobody send along."""
    with Stack(counts={"web": 1, "twilio": 1}) as stack:
        salon = stack.seed(salons=1, customers=2)[0]
        owner = stack.login(salon.owner)
        password = {"password1": salon.owner.password, "password2": salon.owner.password}
        staff = {"email": "staff@salon.example", "full_name": "Staff", "phone_number": "+447400222333"}
        owner.call("POST", "/users/register/", **staff, **password, salons=[salon.id])
        logins = {"owner": salon.owner.email, "staff": staff["email"]}
        headers = {role: _headers(stack, email, salon.owner.password) for role, email in logins.items()}
        yield Target(stack.base_url, headers | {"nobody": {}})


def _headers(stack: Stack, email: str, password: str) -> dict[str, str]:
    answer = requests.post(f"{stack.base_url}/users/login/", json={"email": email, "password": password}, timeout=30)
    return {"Authorization": f"Bearer {answer.json()['access']}"}


@pytest.mark.parametrize("role", ["owner", "staff", "nobody"])
@schema.parametrize()
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_request_breaks_the_api(case: Any, role: str, target: Target) -> None:
    case.call_and_validate(
        base_url=target.base_url, headers=target.headers[role], excluded_checks=[positive_data_acceptance]
    )
