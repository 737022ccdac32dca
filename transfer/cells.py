"""What stands in a cell, so that a spreadsheet shows it and does not run it.

A spreadsheet takes a cell that begins with one of these for a formula, and a customer's name is whatever somebody
typed (https://owasp.org/www-community/attacks/CSV_Injection). Such a cell is written with a quote before it, and an
import takes that quote away again. A plain number, such as a phone number in E.164, can do no harm and stays as it is:
other programs read these files too.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from zoneinfo import ZoneInfo

_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")  # noqa: RUF001
_PLAIN_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")


def escaped(text: str) -> str:
    """The text as it is written into a cell."""
    return f"'{text}" if _FORMULA.match(text) and not _PLAIN_NUMBER.fullmatch(text) else text


def unescaped(cell: str) -> str:
    """What `escaped` was given."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def row_of(values: Iterable[object]) -> str:
    """A line of a CSV file (RFC 4180)."""
    line = io.StringIO()
    csv.writer(line).writerow([escaped(text_of(value)) for value in values])
    return line.getvalue()


def list_of(items: Iterable[str]) -> str:
    """Several items in one cell, such as ``Cut;Colour``; one with a ``;`` in it stands in quotes."""
    line = io.StringIO()
    csv.writer(line, delimiter=";", lineterminator="").writerow(list(items))
    return line.getvalue()


def text_of(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def moment_text(at: datetime | None, zone: ZoneInfo) -> str:
    """The salon's wall clock with its offset: read by people, and never twice the same."""
    if at is None:
        return ""
    with suppress(OverflowError):  # no calendar has the day on which the year 9999 ends further east
        at = at.astimezone(zone)
    return at.isoformat(" ", "auto" if at.second or at.microsecond else "minutes")
