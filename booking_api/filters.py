"""Query parameters that are either right or refused: a filter that was ignored would show too much."""

from __future__ import annotations

from typing import Any

import django_filters
from django import forms

LARGEST_KEY = 2**63 - 1


class KeyFilter(django_filters.NumberFilter):
    """A key, or another whole number, of an object."""

    field_class = forms.IntegerField

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"min_value": 0, "max_value": LARGEST_KEY, **kwargs})


class YesOrNo(forms.Field):
    """``true`` or ``false``; Django's own takes anything else for neither, and shows all."""

    def to_python(self, value: Any) -> bool | None:
        """Raises:
        forms.ValidationError: the text is neither.
        """
        if value in (None, ""):
            return None
        if value not in ("true", "false"):
            raise forms.ValidationError("Say true or false.", code="invalid")
        return bool(value == "true")


class YesOrNoFilter(django_filters.BooleanFilter):
    field_class = YesOrNo


class StrictFilterSet(django_filters.FilterSet):
    """Refuses a parameter that is there but empty, such as ``?salon=``; only a search may be."""

    def get_form_class(self) -> type[forms.Form]:
        form_class: type[forms.Form] = super().get_form_class()

        class StrictForm(form_class):  # type: ignore[valid-type,misc]
            def clean(self) -> dict[str, Any]:
                cleaned: dict[str, Any] = super().clean()
                for name, field in self.fields.items():
                    if self.data.get(name) == "" and type(field) is not forms.CharField:
                        self.add_error(name, forms.ValidationError("Give a value, or leave it out.", code="empty"))
                return cleaned

        return StrictForm
