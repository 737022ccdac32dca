"""What serializers say of rows, at a fraction of what each field of each row costs in Django REST framework."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any

from django.db import models
from django.utils.functional import cached_property
from rest_framework import serializers
from rest_framework.fields import SkipField
from rest_framework.relations import PKOnlyObject

Read = Callable[[Any], Any]
AnyField = serializers.Field[Any, Any, Any, Any]

# Where a field of the serializer says what stands in the column, and nothing else.
_AS_STORED: dict[type[AnyField], tuple[type[models.Field[Any, Any]], ...]] = {
    serializers.BooleanField: (models.BooleanField,),
    serializers.CharField: (models.CharField, models.TextField),
    serializers.ChoiceField: (models.CharField,),
    serializers.IntegerField: (
        models.BigAutoField,
        models.IntegerField,
        models.PositiveIntegerField,
        models.PositiveSmallIntegerField,
    ),
}


class QuickRepresentationMixin:
    """For serializers of models, before `ModelSerializer`: the same representation, sooner.

    Most fields show a column as it is, a moment, or the key of another row, and are read straight from the row; every
    other is left to itself.
    """

    def to_representation(self, instance: Any) -> dict[str, Any]:
        shown = {}
        for name, read in self._reads:
            try:
                shown[name] = read(instance)
            except SkipField:
                continue
        return shown

    @cached_property
    def _reads(self) -> list[tuple[str, Read]]:
        model = self.Meta.model  # type: ignore[attr-defined]
        return [(field.field_name, _read_of(field, model)) for field in self._readable_fields]  # type: ignore[attr-defined]


def _read_of(field: AnyField, model: type[models.Model]) -> Read:
    column = next((column for column in model._meta.concrete_fields if column.name == field.source), None)
    if type(column) in _AS_STORED.get(type(field), ()):
        return attrgetter(column.attname)  # type: ignore[union-attr]
    if isinstance(column, models.ForeignKey) and _is_key(field):
        return attrgetter(column.attname)
    if isinstance(column, models.DateTimeField) and _is_iso(field):
        moment = attrgetter(column.attname)
        return lambda instance: _iso(moment(instance))
    return lambda instance: _as_ever(field, instance)


def _is_key(field: AnyField) -> bool:
    """Does it say the key of another row, and nothing else?"""
    own = type(field).to_representation is serializers.PrimaryKeyRelatedField.to_representation
    return own and getattr(field, "pk_field", None) is None


def _is_iso(field: AnyField) -> bool:
    """Does it say a moment as `rest_framework.serializers.DateTimeField` does by default?"""
    own = type(field).to_representation is serializers.DateTimeField.to_representation
    return own and not hasattr(field, "format") and not hasattr(field, "timezone")


def _iso(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    text = (moment if moment.tzinfo is UTC else moment.astimezone(UTC)).isoformat()
    return f"{text.removesuffix('+00:00')}Z"


def _as_ever(field: AnyField, instance: Any) -> Any:
    value = field.get_attribute(instance)
    known = value.pk if isinstance(value, PKOnlyObject) else value
    return None if known is None else field.to_representation(value)
