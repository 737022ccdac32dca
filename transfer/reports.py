"""What came of an import: counts, and line by line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

MADE, CHANGED, SKIPPED, FAILED = "made", "changed", "skipped", "failed"
OUTCOMES = (MADE, CHANGED, SKIPPED, FAILED)

# How many lines are told one by one; those that failed go before others.
MOST_LINES_TOLD = 1000


@dataclass(frozen=True)
class Outcome:
    """What came of one line; ``code`` is for programs, ``detail`` for people."""

    line: int
    outcome: str
    code: str = ""
    detail: str = ""


@dataclass
class Report:
    """``is_written`` is false after a dry run, and where a failed line kept all others out."""

    what: str
    dry_run: bool
    is_written: bool = False
    notes: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    # Of the bookings made: those that are over or cancelled, and so send nothing.
    history: int = 0
    _told: list[Outcome] = field(default_factory=list)
    _failed: list[Outcome] = field(default_factory=list)

    def add(self, outcomes: Iterable[Outcome]) -> None:
        for outcome in outcomes:
            self.counts[outcome.outcome] += 1
            self.history += outcome.code == "history"
            told = self._failed if outcome.outcome == FAILED else self._told
            if len(told) < MOST_LINES_TOLD:
                told.append(outcome)

    @property
    def lines(self) -> list[Outcome]:
        """As in the file."""
        others = self._told[: MOST_LINES_TOLD - len(self._failed)]
        return sorted([*self._failed, *others], key=lambda outcome: outcome.line)

    @property
    def left_out(self) -> int:
        """How many lines there is no room for in `lines`."""
        return self.counts.total() - len(self.lines)

    @property
    def made(self) -> int:
        return self.counts[MADE]

    @property
    def changed(self) -> int:
        return self.counts[CHANGED]

    @property
    def skipped(self) -> int:
        return self.counts[SKIPPED]

    @property
    def failed(self) -> int:
        return self.counts[FAILED]
