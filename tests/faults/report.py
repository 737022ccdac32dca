"""The table, and the same as JSON."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime

from tests.faults.suite import Row, Scale

COLUMNS = ("scenario", "bookings", "texts owed", "received", "lost", "duplicates", "stale", "s to recover", "verdict")


def line(row: Row) -> str:
    return "| " + " | ".join(_cells(row)) + " |"


def head() -> str:
    return "| " + " | ".join(COLUMNS) + " |\n|---|" + "--:|" * (len(COLUMNS) - 2) + "---|"


def _cells(row: Row) -> list[str]:
    recovered = "never" if row.recovery_seconds is None else f"{row.recovery_seconds:.1f}"
    numbers = (row.bookings, row.owed, row.received, row.lost, row.duplicates, row.stale)
    return [row.title, *map(str, numbers), recovered, verdict(row)]


def verdict(row: Row) -> str:
    if row.is_baseline:
        return "baseline"
    return "pass" if row.passed else "FAIL"


def details(row: Row, most: int = 12) -> list[str]:
    """What lies behind a row that is not clean."""
    found = [*row.complaints, *row.findings]
    shown = [f"    {row.key}: {what}" for what in found[:most]]
    return [*shown, f"    {row.key}: and {len(found) - most} more"] if len(found) > most else shown


def as_json(rows: Sequence[Row], scale: Scale, took_seconds: float) -> str:
    return json.dumps(
        {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
            "python": platform.python_version(),
            "scale": scale.name,
            "took_seconds": round(took_seconds, 1),
            "rows": [{**asdict(row), "verdict": verdict(row)} for row in rows],
        },
        indent=1,
    )
