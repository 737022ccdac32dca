from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from sms.models import Message
from transfer.cells import moment_text
from transfer.reading import Columns
from transfer.tables.base import Table

FIELDS = (
    "id",
    "booking_id",
    "kind",
    "to",
    "body",
    "status",
    "reason",
    "visit_at",
    "due_at",
    "sent_at",
    "delivered_at",
    "attempts",
    "segments",
    "sid",
    "error_code",
)


class Messages(Table):
    """The ledger. It is written by what happens, and by no import."""

    columns = Columns(read=(), required=(), told=FIELDS)

    def queryset(self) -> QuerySet[Any]:
        return Message.objects.filter(salon=self.salon)

    def row(self, item: Message) -> Sequence[object]:
        values = [getattr(item, name) for name in FIELDS]
        zone = self.salon.zone
        return [moment_text(value, zone) if isinstance(value, datetime) else value for value in values]
