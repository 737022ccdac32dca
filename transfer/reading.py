"""A CSV file as spreadsheets of all kinds write it: its encoding, its delimiter, its columns, and its lines."""

from __future__ import annotations

import codecs
import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from booking_api.parsers import is_storable
from transfer.cells import unescaped

DELIMITERS = (",", ";", "\t")
READ_BYTES = 1 << 16
WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
FALLBACK = "cp1252"


@dataclass(frozen=True)
class Unreadable(Exception):
    """Why nothing can be made of a file as a whole: a stable code, and a message that says what to do."""

    code: str
    message: str


@dataclass(frozen=True)
class BadLine(Exception):
    """Why nothing comes of one line: a stable code, and a message that says what to do."""

    code: str
    message: str


@dataclass(frozen=True)
class Line:
    """``number`` is where it begins in the file; ``cells`` are those of the columns that an import reads."""

    number: int
    cells: dict[str, str]


@dataclass(frozen=True)
class BrokenLine:
    """A line that is no row of the columns."""

    number: int
    error: BadLine


@dataclass(frozen=True)
class Columns:
    """What the first line may name: ``told`` is written by an export, and passed over by an import."""

    read: Sequence[str]
    required: Sequence[str]
    told: Sequence[str] = ()

    def __str__(self) -> str:
        return ", ".join(f"{name} (needed)" if name in self.required else name for name in self.read)


@dataclass
class Sheet:
    """The lines of a file, one after the other; ``notes`` say what a person should know of how it was read."""

    source: Iterator[str]
    columns: Columns
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Raises:
        Unreadable: its first line is not one of these columns.
        """
        self._passed = 0
        first = self._first_line()
        self._delimiter, self.header = _header(first, self.columns)

    def __iter__(self) -> Iterator[Line | BrokenLine]:
        """Once. Lines without anything in them are passed over."""
        rows = csv.reader(self.source, delimiter=self._delimiter, strict=True)
        while True:
            number = self._passed + rows.line_num + 1
            try:
                cells = next(rows, None)
            except csv.Error as error:
                yield BrokenLine(number, BadLine("unreadable", f"It cannot be read, nor what follows it: {error}."))
                return
            if cells is None:
                return
            if any(cell.strip() for cell in cells):
                yield self._line(number, cells)

    def _first_line(self) -> str:
        for text in self.source:
            self._passed += 1
            text = text.removeprefix("\ufeff")
            if text.strip() and not text.lower().startswith("sep="):  # a line for Excel alone
                return text
        raise Unreadable("empty_file", f"The file is empty. Its first line names the columns: {self.columns}.")

    def _line(self, number: int, cells: list[str]) -> Line | BrokenLine:
        wanted = len(self.header)
        if len(cells) < wanted or any(cell.strip() for cell in cells[wanted:]):
            message = f"It has {len(cells)} cells where the first line names {wanted} columns."
            return BrokenLine(number, BadLine("wrong_number_of_cells", message))
        if not all(map(is_storable, cells)):
            return BrokenLine(number, BadLine("invalid_characters", "It holds a character that cannot be stored."))
        named = zip(self.header, cells[:wanted], strict=True)
        return Line(number, {name: unescaped(cell).strip() for name, cell in named if name in self.columns.read})


def sheet_of_text(text: str, columns: Columns) -> Sheet:
    """Raises:
    Unreadable: it does not begin with these columns.
    """
    return Sheet(iter(io.StringIO(text, newline="")), columns)


def sheet_of_file(path: Path, columns: Columns) -> Sheet:
    """A file, read as it is needed, whatever its size.

    Raises:
      OSError: it cannot be opened.
      Unreadable: it is no text, or does not begin with these columns.
    """
    encoding = encoding_of(path)
    sheet = Sheet(_lines_of(path, encoding), columns)
    if encoding == FALLBACK:
        sheet.notes.append("Read as Windows-1252, since it is not UTF-8: look whether accents are right.")
    return sheet


def _lines_of(path: Path, encoding: str) -> Iterator[str]:
    with path.open(encoding=encoding, newline="") as file:
        yield from file


def encoding_of(path: Path) -> str:
    """UTF-8, else UTF-16, else Windows-1252, of which one or the other is true of every spreadsheet's CSV.

    Raises:
      Unreadable: it is none of them.
    """
    with path.open("rb") as file:
        begins = file.read(4)
    if begins.startswith(WORKBOOKS):
        raise Unreadable("not_csv", "This is a workbook. Save it as CSV (UTF-8) first.")
    for encoding in _candidates(begins):
        if _is_in(path, encoding):
            return encoding
    raise Unreadable("unknown_encoding", "It is in neither UTF-8, UTF-16 nor Windows-1252. Save it as CSV (UTF-8).")


def _candidates(begins: bytes) -> Sequence[str]:
    if begins.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return ("utf-16",)
    if begins[1:2] == b"\0":
        return ("utf-16-le",)
    if begins[:1] == b"\0":
        return ("utf-16-be",)
    return ("utf-8-sig", FALLBACK)


def _is_in(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        with path.open("rb") as file:
            while block := file.read(READ_BYTES):
                decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _header(first: str, columns: Columns) -> tuple[str, list[str]]:
    """The delimiter by which the first line names the most columns, and what it names."""
    known = {*columns.read, *columns.told}
    readings = [(delimiter, _names(first, delimiter)) for delimiter in DELIMITERS]
    delimiter, names = max(readings, key=lambda reading: len(known & set(reading[1])))
    _check_header(names, columns, known)
    return delimiter, names


def _names(first: str, delimiter: str) -> list[str]:
    try:
        cells = next(csv.reader([first], delimiter=delimiter, strict=True), [])
    except csv.Error:
        return []
    names = ["_".join(cell.strip().lower().split()) for cell in cells]
    while names and not names[-1]:  # columns that a spreadsheet once had
        names.pop()
    return names


def _check_header(names: list[str], columns: Columns, known: set[str]) -> None:
    told = Counter(names)
    problems = {
        "missing": [name for name in columns.required if name not in told],
        "unknown": [name[:40] or "(blank)" for name in told if name not in known][:10],
        "given twice": [name for name in told if name in known and told[name] > 1],
    }
    found = "; ".join(f"{problem}: {', '.join(names)}" for problem, names in problems.items() if names)
    if found:
        raise Unreadable(
            "wrong_columns", f"The first line does not name the right columns ({found}). Known: {columns}."
        )


def records_of(cell: str) -> list[str]:
    """The items of a cell that holds several, such as ``Cut;Colour``; one with a ``;`` in it stands in quotes."""
    return [item.strip() for item in next(csv.reader([cell], delimiter=";"), []) if item.strip()]


def chunks(lines: Iterable[Line | BrokenLine], size: int) -> Iterator[list[Line | BrokenLine]]:
    """The lines, ``size`` at a time."""
    chunk: list[Line | BrokenLine] = []
    for line in lines:
        chunk.append(line)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
