"""Serializer pieces that every app uses."""

from __future__ import annotations

from typing import Any

from django.db.models import Model, QuerySet
from rest_framework import serializers


class VisiblePrimaryKeyField(serializers.PrimaryKeyRelatedField[Any]):
    """A key of an object that the caller may see; another salon's reads as not existing."""

    def get_queryset(self) -> QuerySet[Any]:
        queryset: Any = super().get_queryset()
        request = self.context.get("request")
        if request is None or not request.user.is_authenticated:
            return queryset.none()
        visible: QuerySet[Model] = queryset.visible_to(request.user)
        return visible


class KnownFieldsMixin:
    """Refuses fields that it does not know by name, instead of ignoring a misspelt one."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            unknown = set(data) - set(self.fields)  # type: ignore[attr-defined]
            if unknown:
                raise serializers.ValidationError(
                    {name: ["There is no such field."] for name in sorted(map(str, unknown))},
                    code="unknown_field",
                )
        return super().to_internal_value(data)  # type: ignore[misc]
