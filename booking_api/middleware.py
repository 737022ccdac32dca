"""What is decided about a request before any view sees it."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import unquote_to_bytes

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.middleware import common
from rest_framework.permissions import SAFE_METHODS

from booking_api.errors import error_response

LONGEST_QUERY = 4_000  # the web server itself cuts off the line of a request at 8,190


class CommonMiddleware(common.CommonMiddleware):
    """Django's, which sends a reader to the address with its slash; a writer, whose body that would lose, gets 404."""

    def should_redirect_with_slash(self, request: HttpRequest) -> bool:
        return request.method in SAFE_METHODS and super().should_redirect_with_slash(request)


class UnusableRequestMiddleware:
    """Refuse a body or an address that is too large, and an address that holds a NUL or is not UTF-8."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if _body_bytes(request) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            limit = f"{settings.DATA_UPLOAD_MAX_MEMORY_SIZE:,} bytes"
            advice = (
                " Send the file in parts, or use manage.py import_csv." if request.path.endswith("/import/") else ""
            )
            return error_response(413, "too_large", f"Send a body of at most {limit}.{advice}")
        if len(request.META.get("QUERY_STRING", "")) > LONGEST_QUERY:
            return error_response(400, "address_too_long", f"Send a query of at most {LONGEST_QUERY:,} characters.")
        if "\0" in request.path_info or not _is_readable(request.META.get("QUERY_STRING", "")):
            return error_response(400, "invalid_address", "The address holds what is no text in UTF-8.")
        return self.get_response(request)


def _body_bytes(request: HttpRequest) -> int:
    length = request.META.get("CONTENT_LENGTH") or "0"
    return int(length) if length.isdecimal() and len(length) < 20 else 0


def _is_readable(query: str) -> bool:
    raw = unquote_to_bytes(query.replace("+", " "))
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return b"\0" not in raw


class SecurityHeadersMiddleware:
    """What browsers may do with an answer: a page loads only what is ours, data nothing at all."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        is_page = response.get("Content-Type", "").startswith("text/html")
        policy = settings.CONTENT_SECURITY_POLICY_OF_PAGES if is_page else settings.CONTENT_SECURITY_POLICY_OF_DATA
        response.setdefault("Content-Security-Policy", policy)
        response.setdefault("Permissions-Policy", settings.PERMISSIONS_POLICY)
        return response
