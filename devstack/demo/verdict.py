"""What was owed against what arrived: the right words, on the right phone, at the right moment, once."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

ALLOWED_MS = 1000


@dataclass(frozen=True)
class Owed:
    """A text that has to arrive: not before `due_ms` if it is a reminder, and soon after it."""

    scene: str
    kind: str
    phone: str
    body: str
    due_ms: float
    allowed_ms: float = ALLOWED_MS

    @property
    def name(self) -> str:
        return f"{self.kind} to {self.phone} ({self.scene})"


@dataclass
class Judgement:
    """Every owed text with the one that arrived for it, and all that is wrong."""

    rows: "list[tuple[Owed, dict[str, Any] | None, str]]" = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


def judge(owed: Sequence[Owed], arrived: Sequence[dict[str, Any]]) -> Judgement:
    """Match owed and arrived texts one to one by phone and exact words, in the order of their moments."""
    judgement = Judgement()
    left = sorted(arrived, key=lambda text: float(text["accepted_at_ms"]))
    for text in sorted(owed, key=lambda one: one.due_ms):
        found = next((one for one in left if (one["to"], one["body"]) == (text.phone, text.body)), None)
        if found:
            left.remove(found)
        fault = _fault(text, found)
        judgement.rows.append((text, found, fault or "right"))
        if fault:
            judgement.failures.append(f"{text.name}: {fault}: {text.body!r}")
    judgement.failures += [f"extra text to {one['to']}: {one['body']!r}" for one in left]
    return judgement


def lateness_ms(owed: Owed, text: dict[str, Any]) -> float:
    return float(text["accepted_at_ms"]) - owed.due_ms


def _fault(owed: Owed, text: dict[str, Any] | None) -> str:
    if text is None:
        return "missing"
    late_ms = lateness_ms(owed, text)
    if late_ms > owed.allowed_ms:
        return f"late by {late_ms / 1000:.2f} s"
    if owed.kind == "reminder" and late_ms < 0:
        return f"early by {-late_ms / 1000:.3f} s"
    if text["status"] != "delivered":
        return f"not delivered but {text['status']}"
    return ""


def table(judgement: Judgement, zone: ZoneInfo) -> str:
    """The judgement for a reader: a line for each owed text, times on the salons' clock."""
    heading = f"{'scene':<38}{'text':<14}{'phone':<15}{'owed':<14}{'arrived':<14}{'after':>8}  verdict"
    lines = [heading, "-" * len(heading)]
    for owed, text, verdict in judgement.rows:
        arrived = _time(float(text["accepted_at_ms"]), zone) if text else "-"
        after = f"{lateness_ms(owed, text) / 1000:.3f} s" if text else "-"
        line = f"{owed.scene:<38}{owed.kind:<14}{owed.phone:<15}{_time(owed.due_ms, zone):<14}{arrived:<14}"
        lines.append(f"{line}{after:>8}  {verdict}")
    return "\n".join(lines)


def _time(at_ms: float, zone: ZoneInfo) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone):%H:%M:%S.%f}"[:-3]
