"""Bringing a salon's data in from CSV, and taking it out (docs/import.md, docs/adr/0015)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

from django.db import connection, transaction

from salon.models import Salon
from transfer.cells import row_of
from transfer.reading import BrokenLine, Line, Sheet, chunks
from transfer.reports import FAILED, Outcome, Report
from transfer.tables import IMPORTED, TABLES, Imported

BYTE_ORDER_MARK = "\ufeff"  # without it a spreadsheet takes UTF-8 for Windows-1252


class _Undo(Exception):
    """Ends the transaction of an import that is not to be."""


def import_csv(
    sheet: Sheet,
    report: Report,
    *,
    salon: Salon,
    skip_bad_lines: bool = False,
    confirm: bool = False,
    on_line: Callable[[int], None] = lambda lines: None,
) -> None:
    """Bring in the lines of a sheet through the same doors as the API's; no rule is bypassed.

    One import at a time goes on for a salon. Unless bad lines are skipped it is one transaction, with all that the
    lines would send: a bad line undoes them all, and the rest is read only to tell what else is wrong. With
    ``skip_bad_lines`` the good ones of each chunk commit together, where the caller has no transaction open.

    Args:
      report: filled as lines come in, so that it is true also after an interruption; it says whether this is a
        dry run, of which nothing stays.
      confirm: send the customers of bookings ahead a confirmation.
      on_line: told how many lines have been looked at.
    """
    table = IMPORTED[report.what](salon, confirm=confirm)
    report.notes += sheet.notes
    if skip_bad_lines and not report.dry_run:
        for chunk in chunks(sheet, table.lines_per_chunk):
            with transaction.atomic():
                _begin(table)
                outcomes = list(_take(table, chunk, on_line, report.counts.total()))
            report.add(outcomes)
            report.is_written = report.is_written or any(outcome.outcome != FAILED for outcome in outcomes)
        return
    with suppress(_Undo), transaction.atomic():
        _begin(table)
        for chunk in chunks(sheet, table.lines_per_chunk):
            report.add(_take(table, chunk, on_line, report.counts.total()))
        if report.dry_run or report.failed:
            raise _Undo
    report.is_written = not (report.dry_run or report.failed)


def export_csv(what: str, *, salon: Salon) -> Iterator[str]:
    """The salon's rows as CSV, some hundred lines at a time, in memory and queries that do not grow with them."""
    table = TABLES[what](salon)
    yield BYTE_ORDER_MARK + row_of(table.header)
    for page in table.pages():
        yield "".join(row_of(table.row(item)) for item in page)


def _begin(table: Imported) -> None:
    """Wait for another import of the salon: what it has brought in is there already for this one."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"import of {table.salon.pk}"])
    table.lock()


def _take(
    table: Imported, chunk: Sequence[Line | BrokenLine], on_line: Callable[[int], None], before: int
) -> Iterator[Outcome]:
    readable = [line for line in chunk if isinstance(line, Line)]
    taken = table.take(readable)
    for number, line in enumerate(chunk, before + 1):
        if isinstance(line, Line):
            yield next(taken)
        else:
            yield Outcome(line.number, FAILED, line.error.code, line.error.message)
        on_line(number)
