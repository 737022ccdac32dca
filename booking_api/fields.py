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


class StrictFieldsMixin:
    """Takes what the description says and nothing near it: a misspelt field or a number for a text is refused."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            fields = self.fields  # type: ignore[attr-defined]
            unknown = {name: ["There is no such field."] for name in sorted(map(str, set(data) - set(fields)))}
            if unknown:
                raise serializers.ValidationError(unknown, code="unknown_field")
            mistyped = {name: [message] for name in data if (message := _mistyped(fields[name], data[name]))}
            if mistyped:
                raise serializers.ValidationError(mistyped, code="invalid_type")
        return super().to_internal_value(data)  # type: ignore[misc]


def _mistyped(field: serializers.Field[Any, Any, Any, Any], value: Any) -> str | None:
    """What is wrong with the JSON type of a value that the field itself would read generously."""
    if value is None or field.read_only:
        return None
    if isinstance(field, serializers.ChoiceField):
        kinds = {type(choice) for choice in field.choices}
        return None if type(value) in kinds else f"Give {'a whole number' if int in kinds else 'a text'}."
    if isinstance(field, serializers.CharField) and not isinstance(value, str):
        return "Give a text."
    if isinstance(field, serializers.BooleanField) and not isinstance(value, bool):
        return "Give true or false."
    if isinstance(field, serializers.IntegerField) and (isinstance(value, bool) or not isinstance(value, int)):
        return "Give a whole number."
    return None
