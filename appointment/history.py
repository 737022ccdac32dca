"""Who changed what of a booking, and when."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from appointment.models import Appointment

# Follows from the rest.
UNTOLD = {"calendar_sequence"}
ACTIONS = {"+": "created", "~": "changed", "-": "deleted"}


def entries(booking_id: int) -> Iterator[dict[str, Any]]:
    """The changes of a booking, newest first; a save that changed nothing is left out."""
    records = list(
        Appointment.history.filter(id=booking_id)
        .select_related("history_user")
        .order_by("-history_date", "-history_id")
    )
    for record, older in zip(records, [*records[1:], None], strict=True):
        changes = _differences(older, record) if older is not None else []
        if changes or record.history_type != "~":
            yield {
                "at": record.history_date,
                "by": str(record.history_user) if record.history_user else None,
                "action": ACTIONS[record.history_type],
                "changes": changes,
            }


def _differences(older: Any, newer: Any) -> list[dict[str, Any]]:
    fields = Appointment.history.model.tracked_fields
    names = [field.attname for field in fields if field.name not in UNTOLD]
    return [
        {"field": name.removesuffix("_id"), "old": getattr(older, name), "new": getattr(newer, name)}
        for name in names
        if getattr(older, name) != getattr(newer, name)
    ]
