from __future__ import annotations

from typing import Any

from rest_framework import serializers

from booking_api.fields import StrictFieldsMixin
from transfer.reports import OUTCOMES
from transfer.tables import IMPORTED, TABLES


class ImportSerializer(StrictFieldsMixin, serializers.Serializer[Any]):
    """A file to bring in, as text. What its columns mean is in docs/import.md."""

    what = serializers.ChoiceField(list(IMPORTED))
    csv = serializers.CharField(
        allow_blank=True, trim_whitespace=False, help_text="The file's text; its first line names the columns."
    )
    dry_run = serializers.BooleanField(default=False, help_text="Only tell what would come of it.")
    on_error = serializers.ChoiceField(
        ["stop", "skip"],
        default="stop",
        help_text="stop: one bad line, and nothing is written. skip: the good lines are written.",
    )
    confirm = serializers.BooleanField(
        default=False, help_text="Send customers of bookings ahead a confirmation; else they get the reminder only."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["confirm"] and attrs["what"] != "bookings":
            raise serializers.ValidationError({"confirm": ["Only bookings are confirmed."]}, code="not_bookings")
        return attrs


class LineSerializer(serializers.Serializer[Any]):
    line = serializers.IntegerField(help_text="Where it begins in the file; the first line is 1.")
    outcome = serializers.ChoiceField(OUTCOMES)
    code = serializers.CharField(help_text="Stable: for programs. Blank where there is nothing to say.")
    detail = serializers.CharField(help_text="What to do: for people.")


class ReportSerializer(serializers.Serializer[Any]):
    """What came of an import, or would."""

    what = serializers.ChoiceField(list(IMPORTED))
    dry_run = serializers.BooleanField()
    is_written = serializers.BooleanField(help_text="False: nothing of it is in the database.")
    made = serializers.IntegerField()
    changed = serializers.IntegerField()
    skipped = serializers.IntegerField(help_text="Already there.")
    failed = serializers.IntegerField()
    history = serializers.IntegerField(help_text="Bookings made that are over or cancelled, and send nothing.")
    notes = serializers.ListField(child=serializers.CharField())
    lines = LineSerializer(many=True, help_text="At most 1,000; those that failed go before others.")
    left_out = serializers.IntegerField(help_text="How many lines there was no room for in `lines`.")


class ExportQuery(serializers.Serializer[Any]):
    what = serializers.ChoiceField(list(TABLES))
