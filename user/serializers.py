from __future__ import annotations

from datetime import datetime
from typing import Any, cast

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError as DjangoValidationError
from django.utils import timezone
from rest_framework import serializers
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.request import Request

from booking_api.fields import StrictFieldsMixin, VisiblePrimaryKeyField
from booking_api.permissions import caller
from salon.models import Salon
from user import guesses, services
from user.models import ApiKey, ExtendedUser

EMAIL_TAKEN = "There is a user with this e-mail address."


class UserSerializer(StrictFieldsMixin, serializers.ModelSerializer[ExtendedUser]):
    """A person, with those of their salons that the caller sees."""

    salons = VisiblePrimaryKeyField(many=True, required=False, allow_empty=False, queryset=Salon.objects.all())

    class Meta:
        model = ExtendedUser
        fields = ["id", "email", "full_name", "phone_number", "is_owner", "is_active", "salons"]
        # Whether an address is taken is told only to those who may give it (`validate_email`).
        extra_kwargs = {"email": {"required": False, "validators": []}}

    def validate_email(self, email: str) -> str:
        self._only_for_owners("email", email)
        if ExtendedUser.objects.with_email(email).exclude(pk=self._person.pk).exists():
            raise serializers.ValidationError(EMAIL_TAKEN, code="unique")
        return ExtendedUser.objects.normalize_email(email)

    def validate_salons(self, salons: list[Salon]) -> list[Salon]:
        self._only_for_owners("salons", {salon.pk for salon in salons})
        return salons

    def validate_is_active(self, is_active: bool) -> bool:
        self._only_for_owners("is_active", is_active)
        if not is_active and self._person == self._caller:
            raise serializers.ValidationError("Nobody locks themselves out.", code="not_allowed")
        return is_active

    def validate_is_owner(self, is_owner: bool) -> bool:
        if is_owner != self._person.is_owner and not self._caller.is_superuser:
            raise serializers.ValidationError("Only a platform admin makes owners.", code="not_allowed")
        return is_owner

    def to_representation(self, instance: ExtendedUser) -> dict[str, Any]:
        data = super().to_representation(instance)
        if "request" in self.context and not self._caller.is_superuser:
            data["salons"] = [pk for pk in data["salons"] if pk in self._caller.salon_ids]
        return data

    @property
    def _caller(self) -> ExtendedUser:
        return caller(self.context["request"])

    @property
    def _person(self) -> ExtendedUser:
        return cast(ExtendedUser, self.instance)

    def _only_for_owners(self, field: str, value: Any) -> None:
        """Whoever sends back what they were shown changes nothing, and is not refused."""
        shown = getattr(self._person, field)
        now = set(shown.values_list("pk", flat=True)) if field == "salons" else shown
        if value != now and not (self._caller.is_superuser or self._caller.is_owner):
            raise serializers.ValidationError("Only an owner changes that.", code="not_allowed")


class LoginSerializer(StrictFieldsMixin, serializers.Serializer[Any]):
    email = serializers.EmailField(write_only=True)
    password = serializers.CharField(write_only=True, trim_whitespace=False, max_length=128)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        user = _log_in(self.context["request"], attrs["email"], attrs["password"])
        if user is None:
            raise AuthenticationFailed("E-mail or password is wrong.", code="wrong_credentials")
        return {"user": user}


def _log_in(request: Request, email: str, password: str) -> ExtendedUser | None:
    try:
        return services.log_in(request._request, email, password)
    except guesses.TooManyAttempts as error:
        raise Throttled(wait=error.wait_seconds) from error


class TokensSerializer(serializers.Serializer[Any]):
    """What a login answers."""

    user = UserSerializer()
    access = serializers.CharField()
    refresh = serializers.CharField()


class RefreshSerializer(StrictFieldsMixin, serializers.Serializer[Any]):
    refresh = serializers.CharField(required=False, help_text="Browser clients send it as a cookie.")


class NewPasswordMixin(serializers.Serializer[Any]):
    """A new password, given twice."""

    password1 = serializers.CharField(write_only=True, trim_whitespace=False, max_length=128)
    password2 = serializers.CharField(write_only=True, trim_whitespace=False, max_length=128)

    def check_new_password(self, attrs: dict[str, Any], user: ExtendedUser) -> None:
        """Raises:
        serializers.ValidationError: the two differ, or it is too easy to guess.
        """
        if attrs["password1"] != attrs["password2"]:
            raise serializers.ValidationError({"password2": ["The two passwords differ."]}, code="mismatch")
        try:
            validate_password(attrs["password1"], user)
        except DjangoValidationError as error:
            raise serializers.ValidationError({"password1": error.messages}, code="weak_password") from error


class PasswordSerializer(StrictFieldsMixin, NewPasswordMixin):
    """Changing one's own password."""

    old_password = serializers.CharField(write_only=True, trim_whitespace=False, max_length=128)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        user = caller(self.context["request"])
        if _log_in(self.context["request"], user.email, attrs["old_password"]) != user:
            raise serializers.ValidationError({"old_password": ["That is not your password."]}, code="wrong_password")
        self.check_new_password(attrs, user)
        return attrs


class PasswordResetSerializer(StrictFieldsMixin, serializers.Serializer[Any]):
    email = serializers.EmailField(write_only=True)


class PasswordResetConfirmSerializer(StrictFieldsMixin, NewPasswordMixin):
    """``uid`` and ``token`` come by mail."""

    uid = serializers.CharField(write_only=True, max_length=64)
    token = serializers.CharField(write_only=True, max_length=128)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        try:
            user = services.lock_by_reset_token(attrs["uid"], attrs["token"])
        except services.ResetRefused as error:
            message = "The link is wrong, too old, or has been used. Ask for a new one."
            raise serializers.ValidationError({"token": [message]}, code="invalid_token") from error
        self.check_new_password(attrs, user)
        return {**attrs, "user": user}


class RegisterSerializer(StrictFieldsMixin, NewPasswordMixin, serializers.ModelSerializer[ExtendedUser]):
    """A new member of staff, for salons of the caller's own."""

    salons = VisiblePrimaryKeyField(many=True, allow_empty=False, queryset=Salon.objects.all())

    class Meta:
        model = ExtendedUser
        fields = ["id", "email", "password1", "password2", "full_name", "phone_number", "is_owner", "salons"]
        extra_kwargs: dict[str, dict[str, Any]] = {"email": {"validators": []}}

    def validate_email(self, email: str) -> str:
        if ExtendedUser.objects.with_email(email).exists():
            raise serializers.ValidationError(EMAIL_TAKEN, code="unique")
        return email

    def validate_is_owner(self, is_owner: bool) -> bool:
        if is_owner and not self.context["request"].user.is_superuser:
            raise serializers.ValidationError("Only a platform admin makes owners.", code="not_allowed")
        return is_owner

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        self.check_new_password(attrs, ExtendedUser(email=attrs["email"], full_name=attrs.get("full_name", "")))
        del attrs["password2"]
        return attrs

    def create(self, validated_data: dict[str, Any]) -> ExtendedUser:
        salons, password = validated_data.pop("salons"), validated_data.pop("password1")
        user = ExtendedUser.objects.create_user(password=password, **validated_data)
        user.salons.set(salons)
        return user


class ApiKeySerializer(StrictFieldsMixin, serializers.ModelSerializer[ApiKey]):
    scopes = serializers.ListField(
        child=serializers.ChoiceField(ApiKey.Scope.choices), allow_empty=False, max_length=len(ApiKey.Scope)
    )

    class Meta:
        model = ApiKey
        fields = [
            "id",
            "name",
            "prefix",
            "scopes",
            "created_by",
            "created_at",
            "last_used_at",
            "expires_at",
            "revoked_at",
        ]
        read_only_fields = ["prefix", "created_by", "created_at", "last_used_at", "revoked_at"]

    def validate_scopes(self, scopes: list[str]) -> list[str]:
        return sorted(set(scopes))

    def validate_expires_at(self, expires_at: datetime | None) -> datetime | None:
        if expires_at is not None and expires_at <= timezone.now():
            raise serializers.ValidationError("Choose a time that is still ahead.", code="in_the_past")
        return expires_at


class NewApiKeySerializer(ApiKeySerializer):
    """What making a key answers."""

    key = serializers.CharField(read_only=True, help_text="The text to send. It is shown here and never again.")

    class Meta(ApiKeySerializer.Meta):
        fields = [*ApiKeySerializer.Meta.fields, "key"]
