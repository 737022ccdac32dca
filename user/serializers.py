from __future__ import annotations

from typing import Any

from django.contrib.auth import authenticate
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError as DjangoValidationError
from django.utils.functional import cached_property
from rest_framework import serializers
from rest_framework.exceptions import AuthenticationFailed

from booking_api.fields import KnownFieldsMixin, VisiblePrimaryKeyField
from booking_api.permissions import caller
from salon.models import Salon
from user.models import ExtendedUser


class UserSerializer(KnownFieldsMixin, serializers.ModelSerializer[ExtendedUser]):
    class Meta:
        model = ExtendedUser
        fields = ["id", "email", "full_name", "phone_number", "is_owner", "is_active", "salons"]
        read_only_fields = ["email", "is_owner", "is_active", "salons"]

    def to_representation(self, instance: ExtendedUser) -> dict[str, Any]:
        """A colleague's other salons are nobody's business."""
        data = super().to_representation(instance)
        request = self.context.get("request")
        if request and request.user.is_authenticated and request.user != instance and not request.user.is_superuser:
            data["salons"] = [pk for pk in data["salons"] if pk in self._own_salon_ids]
        return data

    @cached_property
    def _own_salon_ids(self) -> set[int]:
        return set(caller(self.context["request"]).salons.values_list("pk", flat=True))


class LoginSerializer(KnownFieldsMixin, serializers.Serializer[Any]):
    email = serializers.EmailField(write_only=True)
    password = serializers.CharField(write_only=True, trim_whitespace=False, max_length=128)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        user = authenticate(self.context["request"], username=attrs["email"], password=attrs["password"])
        if user is None:
            raise AuthenticationFailed("E-mail or password is wrong.", code="wrong_credentials")
        return {"user": user}


class TokensSerializer(serializers.Serializer[Any]):
    """What a login answers."""

    user = UserSerializer()
    access = serializers.CharField()
    refresh = serializers.CharField()


class RefreshSerializer(KnownFieldsMixin, serializers.Serializer[Any]):
    refresh = serializers.CharField(required=False, help_text="Browser clients send it as a cookie.")


class RegisterSerializer(KnownFieldsMixin, serializers.ModelSerializer[ExtendedUser]):
    """A new member of staff, for salons of the caller's own."""

    password1 = serializers.CharField(write_only=True, trim_whitespace=False, max_length=128)
    password2 = serializers.CharField(write_only=True, trim_whitespace=False, max_length=128)
    salons = VisiblePrimaryKeyField(many=True, allow_empty=False, queryset=Salon.objects.all())

    class Meta:
        model = ExtendedUser
        fields = ["id", "email", "password1", "password2", "full_name", "phone_number", "is_owner", "salons"]

    def validate_email(self, email: str) -> str:
        if ExtendedUser.objects.filter(email__iexact=email).exists():
            raise serializers.ValidationError("There is a user with this e-mail address.", code="unique")
        return email

    def validate_is_owner(self, is_owner: bool) -> bool:
        if is_owner and not self.context["request"].user.is_superuser:
            raise serializers.ValidationError("Only a platform admin makes owners.", code="not_allowed")
        return is_owner

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["password1"] != attrs.pop("password2"):
            raise serializers.ValidationError({"password2": ["The two passwords differ."]}, code="mismatch")
        try:
            validate_password(attrs["password1"], ExtendedUser(email=attrs["email"]))
        except DjangoValidationError as error:
            raise serializers.ValidationError({"password1": error.messages}) from error
        return attrs

    def create(self, validated_data: dict[str, Any]) -> ExtendedUser:
        salons, password = validated_data.pop("salons"), validated_data.pop("password1")
        user = ExtendedUser.objects.create_user(password=password, **validated_data)
        user.salons.set(salons)
        return user
