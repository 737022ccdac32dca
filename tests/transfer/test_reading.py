from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer.cells import escaped, list_of, row_of, unescaped
from transfer.reading import Columns, Line, Sheet, Unreadable, records_of, sheet_of_file, sheet_of_text

COLUMNS = Columns(read=("phone_number", "full_name"), required=("phone_number",), told=("price",))


def cells(sheet: Sheet) -> list[tuple[int, list[str]] | tuple[int, str]]:
    return [
        (line.number, list(line.cells.values())) if isinstance(line, Line) else (line.number, line.error.code)
        for line in sheet
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_delimiters_and_ends_of_lines_of_all_spreadsheets(delimiter: str, end: str) -> None:
    lines = [delimiter.join(line) for line in (["Phone number", " FULL_NAME "], ["1", '"A, b; ""c"""'])]
    assert cells(sheet_of_text(end.join(lines), COLUMNS)) == [(2, ["1", 'A, b; "c"'])]


def test_lines_are_numbered_as_an_editor_shows_them() -> None:
    text = '\ufeffsep=;\nphone_number;full_name\n1;"two\nlines"\n;\n\n2;B\n'
    assert cells(sheet_of_text(text, COLUMNS)) == [(3, ["1", "two\nlines"]), (7, ["2", "B"])]


def test_broken_lines_are_told_and_the_others_read() -> None:
    text = "phone_number,full_name\n1\n2,B,C\n3,C,,\n4,\0\n5,E\n"
    wrong = "wrong_number_of_cells"
    assert cells(sheet_of_text(text, COLUMNS)) == [
        (2, wrong),
        (3, wrong),
        (4, ["3", "C"]),
        (5, "invalid_characters"),
        (6, ["5", "E"]),
    ]


@pytest.mark.parametrize("text", ['phone_number\n1\n"2\n3\n', f"phone_number\n1\n{'x' * 200_000}\n"])
def test_what_cannot_be_read_is_told_where_it_begins(text: str) -> None:
    assert cells(sheet_of_text(text, COLUMNS)) == [(2, ["1"]), (3, "unreadable")]


def test_columns_that_are_only_told_are_passed_over() -> None:
    assert cells(sheet_of_text("price,phone_number\n9,1\n", COLUMNS)) == [(2, ["1"])]


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("", "empty_file", "phone_number (needed), full_name"),
        ("\n \n", "empty_file", "Its first line"),
        ("full_name\nA\n", "wrong_columns", "missing: phone_number"),
        ("phone_number,nick\n", "wrong_columns", "unknown: nick"),
        ("phone_number,full_name,full_name\n", "wrong_columns", "given twice: full_name"),
        ("+447400123456,Ada\n", "wrong_columns", "missing: phone_number; unknown: +447400123456, ada"),
        ('"phone_number\n1\n', "wrong_columns", "missing: phone_number"),
    ],
)
def test_first_line_that_will_not_do_is_one_clear_error(text: str, code: str, said: str) -> None:
    with pytest.raises(Unreadable) as error:
        sheet_of_text(text, COLUMNS)
    assert error.value.code == code
    assert said in error.value.message


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_encodings_of_all_spreadsheets(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "customers.csv"
    file.write_bytes("phone_number\tfull_name\r\n1\tÉtienne\r\n".encode(encoding))
    sheet = sheet_of_file(file, COLUMNS)
    assert cells(sheet) == [(2, ["1", "Étienne"])]
    assert bool(sheet.notes) == (encoding == "cp1252")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"PK\x03\x04...", "not_csv"),
        (b"\x81\x8d\xff", "unknown_encoding"),
        (b"", "empty_file"),
        (b"\xff\xfe\x00", "unknown_encoding"),
    ],
)
def test_what_is_no_text_is_refused(tmp_path: Path, content: bytes, code: str) -> None:
    file = tmp_path / "customers.csv"
    file.write_bytes(content)
    with pytest.raises(Unreadable) as error:
        sheet_of_file(file, COLUMNS)
    assert error.value.code == code


@given(st.text(alphabet="'=+-@\t1.a\uff1d\r\n \"", max_size=8))
def test_escaping_loses_nothing_and_leaves_no_formula(text: str) -> None:
    assert unescaped(escaped(text)) == text
    assert escaped(text)[:1] not in set("=@\t\r\n\uff1d")
    if escaped(text)[:1] in {"+", "-"}:
        float(escaped(text))


@pytest.mark.parametrize("text", ["=1+1", "+1;cmd", "-2+3", "@SUM(1)", "\t=1", "\r=1", "\n=1", "\uff1d1"])
def test_formulas_are_quoted(text: str) -> None:
    assert escaped(text) == f"'{text}"


@pytest.mark.parametrize("text", ["+447400123456", "-1.50", "12", "'Tis", "a=b", ""])
def test_plain_texts_and_numbers_are_not(text: str) -> None:
    assert escaped(text) == text


def test_list_in_a_cell_comes_back() -> None:
    items = ["Cut", "Wash; dry", 'The "Bob"', "a,b"]
    assert records_of(list_of(items)) == items
    assert records_of("") == []


def test_row_ends_as_the_standard_says() -> None:
    assert row_of([None, True, False, 3, "a,b"]) == ',yes,no,3,"a,b"\r\n'
