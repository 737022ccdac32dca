"""API keys; and tokens for browser clients: http-only cookies, protected against cross-site requests."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.settings import api_settings

from user import api_keys
from user.models import ApiKey

ACCESS_COOKIE = "token"
REFRESH_COOKIE = "refresh_token"


class _CsrfCheck(CsrfViewMiddleware):
    def _reject(self, request: HttpRequest, reason: str) -> str:
        return reason


def require_csrf(request: HttpRequest) -> None:
    """Raises:
    PermissionDenied: an unsafe request that comes by cookie carries no CSRF token.
    """
    check = _CsrfCheck(lambda _: HttpResponse())
    check.process_request(request)
    reason = check.process_view(request, lambda _: HttpResponse(), (), {})
    if reason:
        raise PermissionDenied(f"CSRF Failed: {reason}")


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Api-Key bk_…`"""

    keyword = "Api-Key"

    def authenticate(self, request: Request) -> tuple[Any, ApiKey] | None:
        keyword, _, text = request.headers.get("Authorization", "").partition(" ")
        if keyword.lower() != self.keyword.lower():
            return None
        key = api_keys.find(text.strip())
        if key is None:
            raise AuthenticationFailed("This API key is unknown, expired or revoked.", code="invalid_api_key")
        return api_keys.ApiKeyUser(key), key

    def authenticate_header(self, request: Request) -> str:
        return self.keyword


class CookieJWTAuthentication(JWTAuthentication):
    """The access token from the cookie `token`, where no Authorization header is given."""

    def authenticate(self, request: Request) -> Any:
        token = request.COOKIES.get(ACCESS_COOKIE)
        if not token or "HTTP_AUTHORIZATION" in request.META:
            return None
        validated = self.get_validated_token(token.encode())
        require_csrf(request._request)
        return self.get_user(validated), validated


def set_token_cookies(response: Response, access: str, refresh: str) -> None:
    """Give a browser client its tokens where no script can read them."""
    for name, token, lifetime in (
        (ACCESS_COOKIE, access, api_settings.ACCESS_TOKEN_LIFETIME),
        (REFRESH_COOKIE, refresh, api_settings.REFRESH_TOKEN_LIFETIME),
    ):
        response.set_cookie(name, token, max_age=lifetime, httponly=True, secure=settings.HTTPS_ONLY, samesite="Lax")


def clear_token_cookies(response: Response) -> None:
    for name in (ACCESS_COOKIE, REFRESH_COOKIE):
        response.delete_cookie(name, samesite="Lax")
