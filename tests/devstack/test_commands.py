"""What a developer types, and what is in the files beside the code."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from devstack import check
from devstack.guard import NOTES, locked
from devstack.paths import CHECKOUT, RUN_DATA
from devstack.processes import Notes


def make(*arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=CHECKOUT,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_make_alone_lists_every_target() -> None:
    listed = make().stdout

    targets = re.search(r"^\.PHONY: (.*)$", (CHECKOUT / "Makefile").read_text(), re.MULTILINE)
    assert targets is not None
    assert {name for name in targets[1].split() if f"make {name} " not in listed} == set()


def test_a_missing_python_is_one_line() -> None:
    result = make("setup", PYTHON="python3-not-here")

    assert result.returncode != 0
    assert "Python 3.11 or newer is needed: no 'python3-not-here' here." in result.stderr


def test_an_old_python_is_one_line(tmp_path: Path) -> None:
    old = "import sys, runpy; sys.version_info = (3, 9, 2); sys.argv = ['bootstrap.py']; "
    script = old + f"runpy.run_path({str(CHECKOUT / 'devstack/bootstrap.py')!r}, run_name='__main__')"

    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)

    assert (result.returncode, result.stderr) == (1, "Python 3.11 or newer is needed, this is 3.9.\n")


def devstack(*arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "devstack", *arguments],
        cwd=CHECKOUT,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "--bogus"], "unrecognized arguments: --bogus"),
        (["exec"], "exec needs a command"),
        (["exec", "no-such-program"], "no-such-program: No such file or directory."),
    ],
)
def test_a_command_that_cannot_be_run_is_one_line(arguments: list[str], said: str) -> None:
    result = devstack(*arguments)

    assert result.returncode != 0
    assert result.stderr.splitlines()[-1].endswith(said)
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("variable", "url"),
    [
        ("DATABASE_URL", "postgres://booking@127.0.0.1:1/booking"),
        ("DATABASE_URL", "nonsense"),
        ("REDIS_URL", "redis://127.0.0.1:1/0"),
        ("REDIS_URL", "nonsense"),
    ],
)
def test_a_server_of_ones_own_that_does_not_answer_is_one_line(variable: str, url: str) -> None:
    result = devstack("exec", "true", **{"DATABASE_URL": "", "REDIS_URL": "", variable: url})

    assert result.returncode == 1
    assert f"at {variable} (" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_checkout_that_cannot_be_written_to_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "devstack").mkdir()
    (tmp_path / "devstack" / "bootstrap.py").write_bytes((CHECKOUT / "devstack/bootstrap.py").read_bytes())
    (tmp_path / ".data").write_text("no directory, so that even root cannot write below it")

    result = subprocess.run(
        [sys.executable, str(tmp_path / "devstack" / "bootstrap.py")], capture_output=True, text=True, check=False
    )

    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert "that you can write to" in result.stderr


def test_the_procfile_names_these_processes() -> None:
    names = [line.split(":")[0] for line in (CHECKOUT / "Procfile").read_text().splitlines()]

    assert names == ["web", "worker", "dispatcher", "twilio"]


def test_a_second_run_says_so_with_the_urls_and_fails() -> None:
    try:
        lock = locked(RUN_DATA, "`make run`")
        lock.__enter__()
    except Exception:
        pytest.skip("make run is up in this checkout")
    try:
        Notes("mark", urls={"API": "http://127.0.0.1:8123"}).write(RUN_DATA / NOTES)
        result = subprocess.run(
            [sys.executable, "-m", "devstack", "run"], cwd=CHECKOUT, capture_output=True, text=True, check=False
        )
    finally:
        (RUN_DATA / NOTES).unlink()
        lock.__exit__(None, None, None)

    assert result.returncode == 1
    assert "already running" in result.stderr
    assert "http://127.0.0.1:8123" in result.stderr


def test_drift_is_shown_and_a_missing_description_is_drift(tmp_path: Path) -> None:
    (tmp_path / "openapi.yaml").write_text("a: 1\nb: 2\n")

    assert check.drift(tmp_path / "openapi.yaml", "a: 1\nb: 2\n\n") == []
    assert "+b: 3" in check.drift(tmp_path / "openapi.yaml", "a: 1\nb: 3\n")
    assert check.drift(tmp_path / "none.yaml", "a: 1\n") != []
