"""docs/roles.md is true: every cell is tried, and every endpoint has a row."""

from __future__ import annotations

import re
from datetime import date, time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from appointment import calendar_feeds
from appointment.models import Block
from schedule.models import Chair, SpecialHours, TimeOff, WorkingHours
from tests.factories import (
    hours_ahead,
    make_appointment,
    make_customer,
    make_entry,
    make_offered_entry,
    make_owner,
    make_phone_number,
    make_platform_admin,
    make_salon,
    make_series,
    make_service,
    make_user,
)
from user import api_keys
from user.models import ApiKey

ROOT = Path(__file__).resolve().parent.parent
ROW = re.compile(r"^\| ([A-Z]+) (/\S+) \|(.+)\|$", re.MULTILINE)
HEADER = re.compile(r"^\| request \|(.+)\|$", re.MULTILINE)
PASSWORD, NEW_PASSWORD = "correct horse battery", "staple staple staple"


def table() -> list[tuple[str, str, str, int]]:
    text = (ROOT / "docs/roles.md").read_text()
    roles = [cell.strip() for cell in HEADER.findall(text)[0].split("|")]
    return [
        (role, method, path, int(cell))
        for method, path, cells in ROW.findall(text)
        for role, cell in zip(roles, cells.split("|"), strict=True)
        if cell.strip().isdigit()
    ]


class World:
    """A salon with everybody in it, one of each thing, and a stranger."""

    def __init__(self) -> None:
        self.salon, self.empty_salon = make_salon(), make_salon(name="New")
        both = (self.salon, self.empty_salon)
        self.staff = make_user(*both, password=PASSWORD)
        self.owner = make_owner(*both, password=PASSWORD)
        self.colleague = make_user(self.salon)
        self.stranger = make_owner(make_salon(name="Elsewhere"), password=PASSWORD)
        self.admin = make_platform_admin(password=PASSWORD)
        self.nobody = None
        self.customer, self.idle_customer = make_customer(self.salon), make_customer(self.salon)
        self.api_key, _ = api_keys.make(salon=self.salon, name="All", scopes=list(ApiKey.Scope))
        self.key = api_keys.ApiKeyUser(self.api_key)
        self.appointment = make_appointment(salon=self.salon, user=self.staff, customer=self.customer)
        self.series = make_series(self.salon, user=self.staff, column_id=8)
        self.service, self.idle_service = make_service(self.salon), make_service(self.salon)
        self.chair = Chair.objects.create(salon=self.salon, column_id=1, name="Window")
        times = {"opens": time(9), "closes": time(17)}
        self.working_hours = WorkingHours.objects.create(salon=self.salon, user=self.colleague, weekday=0, **times)
        christmas = {"salon": self.salon, "user": self.colleague, "date": date(2030, 12, 24)}
        self.special_hours = SpecialHours.objects.create(**christmas)
        self.time_off = TimeOff.objects.create(salon=self.salon, first_day=date(2030, 1, 1), last_day=date(2030, 1, 1))
        self.block = Block.objects.create(
            salon=self.salon, column_id=9, starts_at=hours_ahead(30), ends_at=hours_ahead(31)
        )
        self.calendar_feed, address = calendar_feeds.make(user=self.staff)
        self.calendar_address = SimpleNamespace(pk=address)
        self.entry = make_entry(self.salon, self.service)
        self.offered_entry = make_offered_entry(self.salon, self.colleague, self.service)

    def path(self, path: str) -> str:
        query = f"?services={self.service.pk}" if path.endswith("/availability/") else ""
        query = "?what=customers" if path.endswith("/export/") else query
        return re.sub(r"{(\w+)}", lambda name: str(getattr(self, name[1]).pk), path) + query

    def body(self, method: str, path: str) -> dict[str, Any] | None:
        """What a right request carries."""
        noun = path.split("/")[1]
        if method not in ("POST", "PUT", "PATCH"):
            return None
        new_password = {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
        if path.endswith("/api-keys/"):
            return {"name": "Web shop", "scopes": ["salon:read"]}
        if path.endswith("/import/"):
            return {"what": "customers", "csv": f"phone_number\n{make_phone_number()}\n"}
        if path == "/series/{series}/change/":
            return {"time_of_day": "11:00"}
        if path == "/users/me/password/":
            return {"old_password": PASSWORD, **new_password}
        if path.startswith("/users/password-reset/"):
            return {"uid": "MQ", "token": "made-up", **new_password} if "confirm" in path else {"email": "a@b.example"}
        if noun == "users" and ("{" in path or path == "/users/me/"):
            return {"full_name": "Renamed"}
        if path.endswith("/merge/"):
            return {"other": self.idle_customer.pk}
        if path.endswith("/calendar-feeds/"):
            return {"name": "My phone", "salon": None}
        if path.count("/") > 3 or path == "/token/refresh/":
            return {}
        bodies: dict[str, dict[str, Any]] = {
            "/users/login/": {"email": self.staff.email, "password": PASSWORD},
            "/users/logout/": {},
            "/users/register/": {
                "email": "new@salon.example",
                "password1": PASSWORD,
                "password2": PASSWORD,
                "full_name": "New",
                "phone_number": make_phone_number(),
                "salons": [self.salon.pk],
            },
            "services": {"salon": self.salon.pk, "name": "Dry cut", "duration_minutes": 30},
            "chairs": {"salon": self.salon.pk, "name": "Mirror", "column_id": 2},
            "working-hours": {
                "salon": self.salon.pk,
                "user": self.colleague.pk,
                "weekday": 1,
                "opens": "09:00",
                "closes": "17:00",
            },
            "special-hours": {"salon": self.salon.pk, "user": self.colleague.pk, "date": "2030-12-31"},
            "time-off": {"salon": self.salon.pk, "first_day": "2030-05-01", "last_day": "2030-05-01"},
            "blocks": {
                "salon": self.salon.pk,
                "column_id": 5,
                "starts_at": hours_ahead(50).isoformat(),
                "ends_at": hours_ahead(51).isoformat(),
            },
            "series": {
                "salon": self.salon.pk,
                "user": self.staff.pk,
                "customer": self.customer.pk,
                "appointment_time": hours_ahead(48).isoformat(),
                "rule": "FREQ=WEEKLY;COUNT=3",
            },
            "waitlist": {
                "salon": self.salon.pk,
                "customer": self.customer.pk,
                "services": [self.service.pk],
                "first_day": hours_ahead(24).date().isoformat(),
                "last_day": hours_ahead(240).date().isoformat(),
            },
            "salons": {"name": "Renamed", "phone_number": "+442079460999"},
            "customers": {
                "full_name": "Renamed",
                "phone_number": make_phone_number(),
                "salon_ids": [self.salon.pk],
            },
            "appointments": {
                "salon": self.salon.pk,
                "user": self.staff.pk,
                "customer": self.customer.pk,
                "appointment_time": hours_ahead(48).isoformat(),
            },
        }
        return bodies[path] if path in bodies else bodies[noun]


@pytest.mark.django_db
@pytest.mark.parametrize(("role", "method", "path", "status"), table(), ids=lambda value: str(value))
def test_cell(api: Any, role: str, method: str, path: str, status: int) -> None:
    world = World()
    client = api(getattr(world, role))
    answer = client.generic(
        method,
        world.path(path),
        data=client._encode_data(world.body(method, path), "json")[0],
        content_type="application/json",
    )
    assert answer.status_code == status, answer.content


def test_every_endpoint_has_a_row() -> None:
    described = yaml.safe_load((ROOT / "docs/openapi.yaml").read_text())["paths"]
    endpoints = {
        (method.upper(), re.sub(r"{\w+}", "{}", path))
        for path, methods in described.items()
        for method in methods
        if method != "parameters"
    }
    rows = {(method, re.sub(r"{\w+}", "{}", path)) for _, method, path, _ in table()}
    assert endpoints - rows == set()
    assert rows - endpoints == set()
