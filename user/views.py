from __future__ import annotations

import contextlib
from typing import Any

import redis
from django.conf import settings
from django.db.models import QuerySet
from django.middleware.csrf import get_token
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied, Throttled
from rest_framework.generics import GenericAPIView, get_object_or_404
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.serializers import TokenRefreshSerializer
from rest_framework_simplejwt.tokens import RefreshToken

from booking_api.client_address import client_network
from booking_api.deletion import RefusesToOrphanBookings
from booking_api.errors import TryLater
from booking_api.permissions import UserPermission, caller
from booking_api.rate_limits import Limit, take
from booking_api.views import ApiMixin
from salon.models import Salon
from user import api_keys, services
from user.authentication import REFRESH_COOKIE, clear_token_cookies, require_csrf, set_token_cookies
from user.filters import UserFilter
from user.models import ApiKey, ExtendedUser
from user.serializers import (
    ApiKeySerializer,
    LoginSerializer,
    NewApiKeySerializer,
    PasswordResetConfirmSerializer,
    PasswordResetSerializer,
    PasswordSerializer,
    RefreshSerializer,
    RegisterSerializer,
    TokensSerializer,
    UserSerializer,
)
from user.tasks import send_password_reset


class _OpenView(ApiMixin, GenericAPIView[Any]):
    """Base of the views that nobody need be logged in for; what is wrong with the credentials given is a 401."""

    permission_classes = [AllowAny]
    authentication_classes: list[Any] = []
    keeps_answers = False

    def get_authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'


def _logged_in(request: Request, user: ExtendedUser) -> Response:
    refresh = RefreshToken.for_user(user)
    access = str(refresh.access_token)
    response = Response(TokensSerializer({"user": user, "access": access, "refresh": str(refresh)}).data)
    set_token_cookies(response, access, str(refresh))
    get_token(request._request)  # sets the CSRF cookie, without which the others change nothing
    return response


class LoginView(_OpenView):
    """Log in with e-mail and password: tokens for an `Authorization: Bearer` header, and as http-only cookies."""

    serializer_class = LoginSerializer
    throttle_classes: list[Any] = []  # `user.guesses` is stricter

    @extend_schema(responses=TokensSerializer)
    def post(self, request: Request) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        return _logged_in(request, serializer.validated_data["user"])


class _RefreshTokenView(_OpenView):
    """Base of the views that act on a refresh token, from the body or from the cookie."""

    serializer_class = RefreshSerializer

    def refresh_token(self, request: Request) -> str:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        given: str | None = serializer.validated_data.get("refresh")
        if given:
            return given
        cookie = request.COOKIES.get(REFRESH_COOKIE)
        if not cookie:
            raise AuthenticationFailed("Give the refresh token.", code="no_refresh_token")
        require_csrf(request._request)
        return cookie


class TokenRefreshView(_RefreshTokenView):
    """A new access token, and a new refresh token in place of the one given, which is void from then on."""

    @extend_schema(responses=TokenRefreshSerializer)
    def post(self, request: Request) -> Response:
        serializer = TokenRefreshSerializer(data={"refresh": self.refresh_token(request)})
        try:
            serializer.is_valid(raise_exception=True)
        except (TokenError, ExtendedUser.DoesNotExist) as error:
            raise AuthenticationFailed("The refresh token is not valid any more.", code="token_not_valid") from error
        tokens = serializer.validated_data
        response = Response(tokens)
        set_token_cookies(response, tokens["access"], tokens["refresh"])
        return response


class LogoutView(_RefreshTokenView):
    """Void the refresh token and forget the cookies. Logging out twice does no harm."""

    @extend_schema(responses={204: None})
    def post(self, request: Request) -> Response:
        with contextlib.suppress(TokenError, AuthenticationFailed):  # nothing to void
            RefreshToken(self.refresh_token(request)).blacklist()  # type: ignore[arg-type]
        response = Response(status=status.HTTP_204_NO_CONTENT)
        clear_token_cookies(response)
        return response


class PasswordView(ApiMixin, GenericAPIView[Any]):
    """Change one's own password. Every other login ends; the answer holds new tokens for this one."""

    permission_classes = [IsAuthenticated]
    serializer_class = PasswordSerializer
    keeps_answers = False

    @extend_schema(responses=TokensSerializer)
    def post(self, request: Request) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        user = caller(request)
        services.change_password(user, serializer.validated_data["password1"])
        return _logged_in(request, user)


class PasswordResetView(_OpenView):
    """Ask for a mail that lets one set a new password. The answer is the same for every address, known or not."""

    serializer_class = PasswordResetSerializer
    throttle_classes: list[Any] = []  # `_limit` is stricter

    @extend_schema(responses={202: None})
    def post(self, request: Request) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        email = serializer.validated_data["email"]
        self._limit(request, email)
        person = ExtendedUser.objects.with_email(email).values_list("pk", flat=True)
        try:
            send_password_reset.send(person.first() or 0)
        except redis.RedisError as error:
            raise TryLater from error
        return Response(status=status.HTTP_202_ACCEPTED)

    def _limit(self, request: Request, email: str) -> None:
        verdict = take(
            Limit(f"reset:{email.lower()}", settings.PASSWORD_RESETS_PER_ACCOUNT, 3600),
            Limit(f"reset-ip:{client_network(request._request)}", settings.PASSWORD_RESETS_PER_IP, 3600),
        )
        if verdict is not None and not verdict.is_allowed:
            raise Throttled(wait=verdict.wait_seconds)


class PasswordResetConfirmView(_OpenView):
    """Set a new password with what came by mail; it counts once. Every login ends."""

    serializer_class = PasswordResetConfirmSerializer

    @extend_schema(responses={204: None})
    def post(self, request: Request) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        services.change_password(serializer.validated_data["user"], serializer.validated_data["password1"])
        return Response(status=status.HTTP_204_NO_CONTENT)


class RegisterView(ApiMixin, GenericAPIView[Any]):
    """Make an account for a member of staff: for owners, in their own salons, and platform admins."""

    permission_classes = [IsAuthenticated, UserPermission]
    serializer_class = RegisterSerializer

    @extend_schema(responses={201: UserSerializer})
    def post(self, request: Request) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        return Response(UserSerializer(serializer.save()).data, status=status.HTTP_201_CREATED)


class UserViewSet(
    ApiMixin,
    RefusesToOrphanBookings,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    mixins.UpdateModelMixin,
    mixins.DestroyModelMixin,
    viewsets.GenericViewSet[ExtendedUser],
):
    """The caller's colleagues."""

    serializer_class = UserSerializer
    api_key_noun = "staff"
    permission_classes = [IsAuthenticated, UserPermission]
    filterset_class = UserFilter
    queryset = ExtendedUser.objects.all()

    def get_queryset(self) -> QuerySet[ExtendedUser]:
        return ExtendedUser.objects.visible_to(caller(self.request)).prefetch_related("salons")

    @extend_schema(responses=UserSerializer, filters=False)
    @action(detail=False, methods=["get", "patch"], filterset_class=None, pagination_class=None, api_key_noun=None)
    def me(self, request: Request) -> Response:
        """The caller. Their salons, and what they may do, are changed by others."""
        self.kwargs["pk"] = caller(request).pk
        return self.retrieve(request) if request.method == "GET" else self.partial_update(request)


class ApiKeyViewSet(
    ApiMixin, mixins.ListModelMixin, mixins.CreateModelMixin, mixins.DestroyModelMixin, viewsets.GenericViewSet[ApiKey]
):
    """The API keys of a salon, for its owners. A key's text is in the answer that makes it, and never again."""

    serializer_class = ApiKeySerializer
    permission_classes = [IsAuthenticated]
    queryset = ApiKey.objects.all()
    keeps_answers = False

    def get_queryset(self) -> QuerySet[ApiKey]:
        return ApiKey.objects.filter(salon=self._salon())

    @extend_schema(responses={201: NewApiKeySerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        salon = self._salon()
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        key, text = api_keys.make(salon=salon, created_by=caller(request), **serializer.validated_data)
        return Response({**self.get_serializer(key).data, "key": text}, status=status.HTTP_201_CREATED)

    def perform_destroy(self, instance: ApiKey) -> None:
        """The key stays in the list, as revoked."""
        api_keys.revoke(instance)

    def _salon(self) -> Salon:
        """Raises:
        Http404: the caller sees no such salon.
        PermissionDenied: they see it, and do not own it.
        """
        user = caller(self.request)
        salon: Salon = get_object_or_404(Salon.objects.visible_to(user), pk=self.kwargs["salon_id"])
        if not user.owns(salon):
            raise PermissionDenied("Only an owner of the salon manages its API keys.")
        return salon
