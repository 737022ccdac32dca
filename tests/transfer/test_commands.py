from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import tracemalloc
from pathlib import Path
from urllib.parse import quote

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from customer.models import Customer
from devstack.paths import CHECKOUT
from salon.models import Salon
from tests.factories import make_customer, make_phone_number, make_salon, make_user
from transfer.tables import IMPORTED

DOCUMENT = CHECKOUT / "docs/import.md"


@pytest.fixture
def salon(db: None) -> Salon:
    return make_salon()


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "file.csv"
    file.write_text(text)
    return file


def run(what: str, file: Path, salon: Salon | int, *options: str) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    key = salon if isinstance(salon, int) else salon.pk
    call_command("import_csv", what, str(file), f"--salon={key}", *options, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_report_goes_to_stdout(salon: Salon, tmp_path: Path) -> None:
    make_customer(salon, phone_number="+447400123456", full_name="Ada")
    out, err = run("customers", written(tmp_path, "phone_number\n07400123456\n07400123457\n"), salon)
    assert out == (
        "line 2: skipped (already_there). A customer has this number.\n"
        "customers: 1 made, 0 changed, 1 already there, 0 failed.\n"
        "The good lines were written.\n"
    )
    assert err == ""


def test_dry_run_says_so_and_writes_nothing(salon: Salon, tmp_path: Path) -> None:
    out, _ = run("customers", written(tmp_path, "phone_number\n07400123456\n"), salon, "--dry-run")
    assert "1 made" in out
    assert out.endswith("This was a dry run: nothing was written.\n")
    assert Customer.objects.count() == 0


@pytest.mark.parametrize(("options", "left"), [((), 0), (("--skip-bad-lines",), 1)])
def test_bad_line_makes_the_exit_code_an_error(
    salon: Salon, tmp_path: Path, options: tuple[str, ...], left: int
) -> None:
    file = written(tmp_path, "phone_number\n07400123456\n12\n")
    with pytest.raises(CommandError, match="1 lines failed") as error:
        run("customers", file, salon, *options)
    assert error.value.returncode == 1
    assert Customer.objects.count() == left


def test_progress_is_told_every_thousand_lines_to_a_log(salon: Salon, tmp_path: Path) -> None:
    numbers = "\n".join(make_phone_number() for _ in range(2100))
    _, err = run("customers", written(tmp_path, f"phone_number\n{numbers}\n"), salon)
    assert err == "1,000 lines\n2,000 lines\n"


@pytest.mark.django_db
def test_what_cannot_be_done_is_said_clearly(tmp_path: Path, salon: Salon) -> None:
    good = written(tmp_path, "phone_number\n07400123456\n")
    workbook = tmp_path / "book.xlsx"
    workbook.write_bytes(b"PK\x03\x04")
    for what, file, key, options, message in [
        ("customers", tmp_path / "none.csv", salon.pk, (), "No such file"),
        ("customers", tmp_path, salon.pk, (), "Is a directory"),
        ("customers", workbook, salon.pk, (), "Save it as CSV"),
        ("services", good, salon.pk, (), "missing: name, duration_minutes; unknown: phone_number"),
        ("customers", good, 10**30, (), "There is no salon"),
        ("customers", good, 0, (), "There is no salon 0."),
        ("people", good, salon.pk, (), "invalid choice: 'people'"),
        ("customers", good, salon.pk, ("--confirm",), "Only bookings are confirmed"),
    ]:
        with pytest.raises(CommandError, match=message):
            run(what, file, key, *options)
    assert Customer.objects.count() == 0


def test_export_to_a_file_comes_back(salon: Salon, tmp_path: Path) -> None:
    make_customer(salon, full_name="Łukasz")
    file, out = tmp_path / "out.csv", io.StringIO()
    call_command("export_csv", "customers", str(file), f"--salon={salon.pk}")
    call_command("export_csv", "customers", f"--salon={salon.pk}", stdout=out)
    assert file.read_bytes().decode() == out.getvalue()
    assert "1 already there" in run("customers", file, salon)[0]
    with pytest.raises(CommandError, match="Is a directory"):
        call_command("export_csv", "customers", str(tmp_path), f"--salon={salon.pk}")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("skip", [False, True])
def test_ctrl_c_leaves_nothing_or_says_what_is_in(tmp_path: Path, skip: bool) -> None:
    salon = make_salon()
    numbers = [f"+447911{number:06}" for number in range(60_000)]
    file = written(tmp_path, "phone_number\n" + "\n".join(numbers) + "\n")
    command = [sys.executable, "manage.py", "import_csv", "customers", str(file), f"--salon={salon.pk}"]
    database = connection.settings_dict
    login = f"{database['USER']}:{quote(database['PASSWORD'], safe='')}"
    url = f"postgres://{login}@{database['HOST']}:{database['PORT']}/{database['NAME']}"
    process = subprocess.Popen(
        [*command, *(["--skip-bad-lines"] if skip else [])],
        cwd=CHECKOUT,
        env={**_environment(), "DATABASE_URL": url},
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    seen = ""
    while "2,000 lines" not in seen:
        line = process.stderr.readline()
        assert line, seen
        seen += line
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    in_database = Customer.objects.count()
    if skip:
        assert f"Stopped. The first {in_database:,} lines are in" in err
        assert in_database >= 1500
    else:
        assert err.splitlines()[-1].endswith("Stopped. Nothing was written.")
        assert in_database == 0


def _environment() -> dict[str, str]:
    return {**os.environ, "DEBUG": "1"}


def test_memory_does_not_grow_with_the_file(salon: Salon, tmp_path: Path) -> None:
    """Lines that are there already, so that nothing but the reading costs."""
    numbers = [make_phone_number() for _ in range(500)]
    for number in numbers:
        make_customer(salon, phone_number=number, full_name="")

    def peak_bytes(times: int) -> int:
        file = written(tmp_path, "phone_number\n" + "\n".join(numbers * times) + "\n")
        tracemalloc.start()
        run("customers", file, salon)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return peak

    peak_bytes(2)
    assert peak_bytes(16) < peak_bytes(4) * 1.2


def examples() -> list[tuple[str, str]]:
    """The files in docs/import.md, in their order."""
    found, what = [], ""
    for block in DOCUMENT.read_text().split("```"):
        if block.startswith("csv\n"):
            found.append((what, block.removeprefix("csv\n")))
        for line in block.splitlines():
            if line.startswith("## ") and line[3:].lower() in IMPORTED:
                what = line[3:].lower()
    return found


def test_document_has_an_example_of_each() -> None:
    assert {what for what, _ in examples()} == set(IMPORTED)
    assert all(name in DOCUMENT.read_text() for table in IMPORTED.values() for name in table.columns.read)


def test_every_example_of_the_document_can_be_brought_in(salon: Salon, tmp_path: Path) -> None:
    make_user(salon, email="sam@salon.example")
    for what, text in examples():
        out, _ = run(what, written(tmp_path, text), salon)
        lines = len(text.strip().splitlines()) - 1
        assert out.splitlines()[-2].startswith(f"{what}: {lines} made, 0 changed, 0 already there, 0 failed"), out
