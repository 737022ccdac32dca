from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from rest_framework import serializers

from salon.models import Salon
from schedule.models import Service
from transfer.cells import list_of
from transfer.reading import Columns, Line, records_of
from transfer.reports import CHANGED, MADE, SKIPPED, Outcome
from transfer.tables.base import Imported, Staff, cleaned, validated

FIELDS = [
    "name",
    "duration_minutes",
    "buffer_before_minutes",
    "buffer_after_minutes",
    "gap_after_minutes",
    "gap_minutes",
    "price",
    "currency",
    "is_active",
    "position",
    "colour",
]


DEFAULTS = {name: getattr(Service(), name) for name in FIELDS}


class ServiceLine(serializers.ModelSerializer[Service]):
    class Meta:
        model = Service
        fields = FIELDS


class Services(Imported):
    """A name is one service of the salon: a known one gets what the line says.

    A blank cell is the default; a column that the file does not have leaves what is there.
    """

    columns = Columns(read=(*FIELDS, "people"), required=("name", "duration_minutes"))

    def __init__(self, salon: Salon, *, confirm: bool = False) -> None:
        super().__init__(salon, confirm=confirm)
        self._staff = Staff(salon)
        self._serializer = ServiceLine()

    def queryset(self) -> QuerySet[Any]:
        return Service.objects.filter(salon=self.salon).prefetch_related("people")

    def row(self, item: Service) -> Sequence[object]:
        return [*(getattr(item, name) for name in FIELDS), list_of(person.email for person in item.people.all())]

    def look_up(self, lines: Sequence[Line]) -> None:
        names = [line.cells["name"] for line in lines]
        known = Service.objects.filter(salon=self.salon, name__in=names).prefetch_related("people")
        self._known = {service.name: service for service in known}

    @transaction.atomic
    def take_one(self, line: Line) -> Outcome:
        values = validated(self._serializer, line.cells)
        values |= {name: DEFAULTS[name] for name, cell in line.cells.items() if not cell and name in DEFAULTS}
        people = self._people(line)
        service = self._known.get(values["name"])
        if service is None:
            return self._make(line, values, people or [])
        before = {name: getattr(service, name) for name in values}
        same_people = people is None or {person.pk for person in people} == {one.pk for one in service.people.all()}
        if before == values and same_people:
            return Outcome(line.number, SKIPPED, "already_there", "The service is as the line says.")
        changed = Service.objects.select_for_update().get(pk=service.pk)
        for name, value in values.items():
            setattr(changed, name, value)
        cleaned(changed)
        changed.save(update_fields=list(values))
        if people is not None:
            changed.people.set(people)
        self._known[changed.name] = changed
        names = [name for name, value in before.items() if value != values[name]] + ["people"] * (not same_people)
        return Outcome(line.number, CHANGED, "changed", f"Changed: {', '.join(names)}.")

    def _make(self, line: Line, values: dict[str, Any], people: Sequence[Any]) -> Outcome:
        service = Service(salon=self.salon, **values)
        cleaned(service)
        service.save()
        service.people.set(people)
        self._known[service.name] = service
        return Outcome(line.number, MADE)

    def _people(self, line: Line) -> list[Any] | None:
        """None where the file says nothing of people."""
        if "people" not in line.cells:
            return None
        return [self._staff.get(email, "people") for email in records_of(line.cells["people"])]
