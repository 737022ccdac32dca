from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.http import HttpResponse
from django.middleware.security import SecurityMiddleware
from django.test import Client, RequestFactory

from tests.factories import make_salon, make_user

ROOT = Path(__file__).resolve().parent.parent.parent
PRODUCTION = {
    "DEBUG": "off",
    "DJANGO_SECRET_KEY": "q8#Zt!n2Kx9@vB4^mW7&pL1*rD5(hS3)yF6_cJ0+gT-eA=uQiO",
    "ALLOWED_HOSTS": "booking.example.com",
    "PUBLIC_BASE_URL": "https://booking.example.com",
    "TRUSTED_PROXIES": "1",
    "TWILIO_ACCOUNT_SID": "AC1",
    "TWILIO_AUTH_TOKEN": "token",
    "TWILIO_PHONE_NUMBER": "+447700900000",
}


def in_production(code: str, **environment: str) -> str:
    """What Python prints for an expression of the settings in production's environment."""
    own = {name: os.environ[name] for name in ("PATH", "DATABASE_URL", "REDIS_URL") if name in os.environ}
    program = f"from booking_api import settings; print({code})"
    command = [sys.executable, "-c", program]
    environment = own | PRODUCTION | environment
    return subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True).stdout.strip()


def test_check_for_deployment_finds_nothing() -> None:
    own = {name: os.environ[name] for name in ("PATH", "DATABASE_URL", "REDIS_URL") if name in os.environ}
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    checked = subprocess.run(command, cwd=ROOT, env=own | PRODUCTION, check=False, capture_output=True, text=True)
    assert (checked.returncode, checked.stderr.count("WARNINGS")) == (0, 0), checked.stderr


def test_with_https_cookies_and_hosts_insist_on_it() -> None:
    names = ("SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SECURE_SSL_REDIRECT", "SECURE_HSTS_SECONDS")
    shown = in_production(", ".join(f"settings.{name}" for name in names))
    assert shown == "True True True 31536000"


def test_forwarded_scheme_is_believed_of_a_proxy_alone() -> None:
    shown = "settings.SECURE_PROXY_SSL_HEADER, settings.SECURE_SSL_REDIRECT"
    assert in_production(shown) == "('HTTP_X_FORWARDED_PROTO', 'https') True"
    assert in_production(shown, TRUSTED_PROXIES="0") == "None False"


def test_health_is_answered_without_https(settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True
    redirect = SecurityMiddleware(lambda request: HttpResponse("ok")).process_request
    assert redirect(RequestFactory().get("/salons/")) is not None
    assert redirect(RequestFactory().get("/health/")) is None
    assert redirect(RequestFactory().get("/health/ready/")) is None


COMMON = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/salons/", "/nothing/", "/health/", "/docs/", "/admin/login/"])
def test_every_answer_bears_the_headers_that_bind_browsers(path: str) -> None:
    answer = Client().get(path)
    assert {name: answer.headers.get(name) for name in COMMON} == COMMON


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/salons/", "/nothing/", "/health/"])
def test_data_loads_nothing(path: str) -> None:
    assert Client().get(path)["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/docs/", "/admin/login/"])
def test_pages_load_what_is_ours_and_need_no_inline_script(path: str) -> None:
    answer = Client().get(path)
    policy = answer["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "script-src" not in policy
    page = answer.content.decode()
    assert re.findall(r"<script(?![^>]*\bsrc=)[^>]*>", page) == []
    assert re.findall(r"""(?:src|href)=["'](?:https?:)?//""", page) == []


def test_other_sites_may_do_nothing_unless_named(settings: Any) -> None:
    asked = {"Origin": "https://shop.example", "Access-Control-Request-Method": "POST"}
    preflight = Client().options("/appointments/", headers=asked)
    assert not [name for name in preflight.headers if name.startswith("Access-Control")]
    settings.CORS_ALLOWED_ORIGINS = ["https://shop.example"]
    preflight = Client().options("/appointments/", headers=asked)
    assert preflight.status_code == 200
    assert preflight["Access-Control-Allow-Origin"] == "https://shop.example"
    assert {"idempotency-key", "if-match", "authorization"} <= set(
        preflight["Access-Control-Allow-Headers"].split(", ")
    )
    assert "Access-Control-Allow-Credentials" not in preflight
    other = Client().options("/appointments/", headers={**asked, "Origin": "https://evil.example"})
    assert "Access-Control-Allow-Origin" not in other


@pytest.mark.django_db
def test_answers_are_nobody_elses_to_keep(api: Any) -> None:
    person = make_user(make_salon(), email="sam@salon.example", password="correct horse battery")
    assert api(person).get("/salons/")["Cache-Control"] == "private, no-cache"
    login = api().post("/users/login/", {"email": person.email, "password": "correct horse battery"})
    assert (login.status_code, login["Cache-Control"]) == (200, "no-store")
