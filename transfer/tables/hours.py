from __future__ import annotations

from collections.abc import Sequence
from datetime import time
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from rest_framework import serializers

from salon.models import Salon
from schedule.models import WorkingHours
from transfer.reading import Columns, Line
from transfer.reports import MADE, SKIPPED, Outcome
from transfer.tables.base import Imported, Staff, cleaned, validated

FIELDS = ["weekday", "opens", "closes", "valid_from", "valid_until"]


class HoursLine(serializers.ModelSerializer[WorkingHours]):
    class Meta:
        model = WorkingHours
        fields = FIELDS


class Hours(Imported):
    """Stretches of people's ordinary weeks; one that is there already is left alone, and none is taken away."""

    columns = Columns(read=("user_email", *FIELDS), required=("user_email", "weekday", "opens", "closes"))

    def __init__(self, salon: Salon, *, confirm: bool = False) -> None:
        super().__init__(salon, confirm=confirm)
        self._staff = Staff(salon)
        self._serializer = HoursLine()

    def queryset(self) -> QuerySet[Any]:
        return WorkingHours.objects.filter(salon=self.salon).select_related("user")

    def row(self, item: WorkingHours) -> Sequence[object]:
        weekday, opens, closes = item.get_weekday_display(), _clock(item.opens), _clock(item.closes)
        return [item.user.email, weekday, opens, closes, item.valid_from, item.valid_until]

    def look_up(self, lines: Sequence[Line]) -> None:
        self._known = set(WorkingHours.objects.filter(salon=self.salon).values_list("user_id", *FIELDS))

    @transaction.atomic
    def take_one(self, line: Line) -> Outcome:
        user = self._staff.get(line.cells["user_email"], "user_email")
        cells = {name: line.cells[name] for name in FIELDS if name in line.cells}
        values = validated(self._serializer, {**cells, "weekday": _weekday(cells["weekday"])})
        hours = WorkingHours(salon=self.salon, user=user, **values)
        cleaned(hours)
        key = (user.pk, *(getattr(hours, name) for name in FIELDS))
        if key in self._known:
            return Outcome(line.number, SKIPPED, "already_there", "These hours are there.")
        hours.save()
        self._known.add(key)
        return Outcome(line.number, MADE)


def _weekday(cell: str) -> str:
    """The number of a day, as the API has it; what names no day is left to be refused."""
    for day in WorkingHours.Weekday:
        if cell.lower() in (day.label.lower(), day.label[:3].lower()):
            return str(day.value)
    return cell


def _clock(at: time) -> str:
    return at.isoformat("auto" if at.second or at.microsecond else "minutes")
