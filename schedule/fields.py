"""A column for what a clock on a salon's wall shows."""

from __future__ import annotations

from typing import Any

from django.db import models


class WallClockField(models.DateTimeField[Any, Any]):
    """A date and a time of day without a zone: naive, as opposed to every moment that is stored."""

    description = "what a salon's clock shows"

    def db_type(self, connection: Any) -> str:
        return "timestamp without time zone"

    def get_prep_value(self, value: Any) -> Any:
        return models.Field.get_prep_value(self, self.to_python(value))  # DateTimeField's would give it a zone
