from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from salon.models import Salon
from transfer.reading import Sheet, Unreadable, sheet_of_file
from transfer.reports import MADE, Report
from transfer.services import import_csv
from transfer.tables import IMPORTED

LINES_BETWEEN_SIGNS = 1000
INTERRUPTED = 130  # what a shell calls Ctrl-C


class Command(BaseCommand):
    help = "Bring a salon's data in from a CSV file (docs/import.md). Exit code 0 only if every line was good."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=list(IMPORTED), metavar="WHAT", help=" | ".join(IMPORTED))
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument("--salon", type=int, required=True, metavar="ID")
        parser.add_argument("--dry-run", action="store_true", help="Only tell what would come of it.")
        parser.add_argument(
            "--skip-bad-lines", action="store_true", help="Write the good lines. Without it one bad line undoes all."
        )
        parser.add_argument(
            "--confirm", action="store_true", help="Send the customers of bookings ahead a confirmation, too."
        )

    def handle(
        self,
        *args: Any,
        what: str,
        file: Path,
        salon: int,
        dry_run: bool,
        skip_bad_lines: bool,
        confirm: bool,
        **options: Any,
    ) -> None:
        if confirm and what != "bookings":
            raise CommandError("Only bookings are confirmed: leave --confirm out.")
        report = Report(what=what, dry_run=dry_run)
        self._last_sign, self._is_stopping = time.monotonic(), False
        try:
            with self._stopping_between_lines():
                import_csv(
                    _sheet(what, file),
                    report,
                    salon=salon_by_key(salon),
                    skip_bad_lines=skip_bad_lines,
                    confirm=confirm,
                    on_line=self._on_line,
                )
        except KeyboardInterrupt:
            raise CommandError(_interrupted(report), returncode=INTERRUPTED) from None
        finally:
            self._end_progress()
        self._tell(report)
        if report.failed:
            raise CommandError(f"{report.failed:,} lines failed. {_written(report)}")

    @contextmanager
    def _stopping_between_lines(self) -> Iterator[None]:
        """Ctrl-C takes effect at the end of a line, not amid a commit: the report stays true. Twice, at once."""

        def stop(*_: Any) -> None:
            self._is_stopping = True
            signal.signal(signal.SIGINT, before)

        before = signal.signal(signal.SIGINT, stop)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def _on_line(self, lines: int) -> None:
        self._show_progress(lines)
        if self._is_stopping:
            raise KeyboardInterrupt

    def _show_progress(self, lines: int) -> None:
        """Once a second for a person, every thousand lines for a log."""
        if not self.stderr.isatty():
            if lines % LINES_BETWEEN_SIGNS == 0:
                self.stderr.write(f"{lines:,} lines", self.style.NOTICE)
            return
        if time.monotonic() - self._last_sign >= 1:
            self._last_sign = time.monotonic()
            self.stderr.write(f"\r{lines:,} lines", self.style.NOTICE, ending="")
            self.stderr.flush()

    def _end_progress(self) -> None:
        if self.stderr.isatty():
            self.stderr.write("\r", ending="")

    def _tell(self, report: Report) -> None:
        for note in report.notes:
            self.stdout.write(note)
        for line in report.lines:
            if line.outcome != MADE:
                self.stdout.write(f"line {line.line}: {line.outcome} ({line.code}). {line.detail}")
        if report.left_out:
            self.stdout.write(f"… and {report.left_out:,} lines more, which are not shown.")
        counts = f"{report.made:,} made, {report.changed:,} changed, {report.skipped:,} already there"
        history = f" ({report.history:,} of those made are over or cancelled, and send nothing)"
        self.stdout.write(f"{report.what}: {counts}, {report.failed:,} failed{history if report.history else ''}.")
        self.stdout.write(_written(report))


def salon_by_key(key: int) -> Salon:
    """Raises:
    CommandError: there is none.
    """
    try:
        return Salon.objects.get(pk=key)
    except (Salon.DoesNotExist, OverflowError):
        raise CommandError(f"There is no salon {key}.") from None


def _sheet(what: str, file: Path) -> Sheet:
    try:
        return sheet_of_file(file, IMPORTED[what].columns)
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror}.") from error
    except Unreadable as error:
        raise CommandError(f"{file}: {error.message}") from error


def _written(report: Report) -> str:
    if report.dry_run:
        return "This was a dry run: nothing was written."
    return "The good lines were written." if report.is_written else "Nothing was written."


def _interrupted(report: Report) -> str:
    if not report.is_written:
        return "Stopped. Nothing was written."
    lines = f"The first {report.counts.total():,} lines are in, but for {report.failed:,} that failed"
    return f"Stopped. {lines}. The same file may be given again."
