"""Nothing outlives its runner, and nobody else is hit."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from devstack import guard
from devstack.errors import AlreadyRunning
from devstack.guard import Guard, locked
from devstack.paths import CHECKOUT
from devstack.processes import MARK, Noted, Notes, end, end_leftovers, marked
from tests.devstack.waiting import wait_gone

# A runner with a guard, a marked child with a child of its own, and a noted server.
RUNNER = """
import os, subprocess, sys, time
from pathlib import Path
from devstack.guard import Guard
with Guard(Path(sys.argv[1])) as guard:
    server = subprocess.Popen(["sleep", "60"], start_new_session=True)
    guard.note_server("server", server.pid)
    marked = os.environ | {"BOOKING_DEVSTACK": guard.mark}
    app = subprocess.Popen(["sh", "-c", "sleep 60 & echo $!; wait"], env=marked, start_new_session=True,
                           stdout=subprocess.PIPE, text=True)
    print(server.pid, app.pid, app.stdout.readline().strip(), flush=True)
    time.sleep(60)
"""


@pytest.fixture
def sleeper() -> "Iterator[subprocess.Popen[bytes]]":
    process = subprocess.Popen(["sleep", "60"])
    yield process
    process.kill()
    process.wait()


def test_only_one_at_a_time_and_the_second_is_told_where(tmp_path: Path) -> None:
    Notes("mark", urls={"API": "http://127.0.0.1:8001"}).write(tmp_path / guard.NOTES)

    with (
        locked(tmp_path, "`make run`"),
        pytest.raises(AlreadyRunning, match=r"(?s)`make run` is already running.*http://127.0.0.1:8001"),
        locked(tmp_path, "`make run`"),
    ):
        pass

    with locked(tmp_path, "`make run`"):
        pass  # free again


def test_after_kill_9_of_the_runner_the_watchdog_ends_everything(tmp_path: Path) -> None:
    runner = subprocess.Popen(
        [sys.executable, "-c", RUNNER, str(tmp_path)], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True
    )
    assert runner.stdout
    pids = [int(pid) for pid in runner.stdout.readline().split()]
    assert len(pids) == 3
    runner.stdout.close()

    runner.kill()
    runner.wait()

    assert all(wait_gone(pid, seconds=5) for pid in pids)
    until = time.monotonic() + 5
    while (tmp_path / guard.NOTES).exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert not (tmp_path / guard.NOTES).exists()


def test_what_a_killed_runner_and_its_watchdog_left_is_ended_by_the_next_start(tmp_path: Path) -> None:
    old = f"{tmp_path}|old"
    child = subprocess.Popen(["sleep", "60"], env=os.environ | {MARK: old})
    server = subprocess.Popen(["sleep", "60"])
    Notes(old, servers=[Noted.of("server", server.pid)]).write(tmp_path / guard.NOTES)

    with Guard(tmp_path) as started:
        assert child.poll() is not None
        assert server.poll() is not None
        assert Notes.read(tmp_path / guard.NOTES) == started.notes

    assert not (tmp_path / guard.NOTES).exists()


def test_who_does_not_listen_is_killed() -> None:
    deaf = subprocess.Popen(["sh", "-c", "trap '' TERM; echo; sleep 60"], stdout=subprocess.PIPE)
    assert deaf.stdout
    deaf.stdout.readline()

    assert end([psutil.Process(deaf.pid)], seconds=0.2) == 1

    assert wait_gone(deaf.pid, seconds=1)
    deaf.stdout.close()
    deaf.wait()


def test_a_pid_that_means_somebody_else_now_is_left_alone(sleeper: "subprocess.Popen[bytes]") -> None:
    noted = Noted("server", sleeper.pid, started_at=psutil.Process(sleeper.pid).create_time() - 60)

    assert noted.find() is None
    assert end_leftovers(Notes("nobody|", servers=[noted]), "nobody|") == 0
    assert sleeper.poll() is None


def test_another_stack_s_processes_are_not_ours(tmp_path: Path) -> None:
    other = subprocess.Popen(["sleep", "60"], env=os.environ | {MARK: f"{tmp_path}-other|x"})
    try:
        assert marked(f"{tmp_path}|") == []
    finally:
        other.kill()
        other.wait()


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"mark": "x", "urls": {}, "servers": [{}]}'])
def test_damaged_notes_are_no_notes(tmp_path: Path, text: str) -> None:
    (tmp_path / "stack.json").write_text(text)

    assert Notes.read(tmp_path / "stack.json") is None
