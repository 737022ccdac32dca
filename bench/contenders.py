"""The contenders of `bench.reminders`: the product itself, and the peers of `bench.peers` in a venv of their own."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from bench import ledger, report
from devstack.bootstrap import installer_environment
from devstack.paths import CHECKOUT
from tests.processes import Stack, Unit

# The module of each peer in bench.peers, by the name that --only takes.
PEERS = {
    "plan": "plans_design",
    "celery": "celery_eta",
    "procrastinate": "procrastinate_jobs",
    "huey": "huey_tasks",
    "rq": "rq_scheduled",
    "apscheduler": "apscheduler_jobs",
}
OURS = "ours"
REQUIREMENTS = CHECKOUT / "bench" / "requirements-peers.txt"
VENV = CHECKOUT / ".data" / "bench" / "peers"
STOP_SECONDS = 300.0  # Celery puts back what it holds, one by one


class Contender(ABC):
    """Something that sends texts when they are due, in the processes and servers of one stack."""

    name: str
    # What is killed in the middle of a burst, by the names of units.
    kills: Mapping[str, Sequence[str]]

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.units: list[Unit] = []
        self.pending = 0
        self.is_fresh = True  # nothing is due, or was lost

    @abstractmethod
    def start(self) -> None:
        """Start its processes."""

    def stop(self) -> None:
        """As a supervisor does, with all the time that it takes."""
        for unit in self.units:
            unit.terminate()
        give_up_at = time.monotonic() + STOP_SECONDS
        for unit in self.units:
            unit.stop(max(0.0, give_up_at - time.monotonic()))

    def remove(self) -> None:
        self.stop()
        for unit in self.units:
            self.stack.remove(unit)
        self.units.clear()

    def reload(self) -> None:
        """From an emptied store: the same backlog, and processes that start anew."""
        pending = self.pending
        self.remove()
        self.clear()
        self.add_pending(pending)
        self.start()
        self.is_fresh = True

    def start_to_be_killed(self) -> None:  # noqa: B027
        """Where it has what helps it to survive that and has no part in the other figures: start anew, with it."""

    def start_again(self) -> None:
        for unit in self.units:
            unit.start()

    def kill_and_start(self, what: str) -> None:
        """kill -9 of all units of a kind, then start them again at once."""
        killed = [unit for unit in self.units if unit.name in self.kills[what]]
        for unit in killed:
            unit.kill()
        for unit in killed:
            unit.start()

    @abstractmethod
    def add_burst(self, count: int, due_at: float) -> float:
        """Texts that are due together; when exactly, in seconds since 1970."""

    @abstractmethod
    def add_pending(self, wanted: int) -> None:
        """Texts of the far future, until there are so many."""

    @abstractmethod
    def clear(self) -> None:
        """Before a backlog is loaded: forget whatever may still be due."""

    @abstractmethod
    def stored_bytes(self) -> int:
        """Of all texts where they are kept, with indexes."""


class Ours(Contender):
    """The ledger: one dispatcher and one worker, as the Procfile starts them."""

    name = "ours"
    kills = {"workers": ["worker"], "workers and dispatcher": ["worker", "dispatcher"]}

    def __init__(self, stack: Stack, customers: int) -> None:
        super().__init__(stack)
        self._salon = stack.seed(salons=1, customers=customers)[0]

    def start(self) -> None:
        worker = self.stack.add("worker")
        self.units = [self.stack.add("dispatcher"), worker]

    def start_to_be_killed(self) -> None:
        """With web, to which Twilio reports, as in production: so it is known at once what it has accepted."""
        self.remove()
        reports = {"PUBLIC_BASE_URL": f"http://127.0.0.1:{self.stack.environ['PORT']}"}
        self.units = [self.stack.add(name, **reports) for name in ("worker", "dispatcher", "web")]

    def add_burst(self, count: int, due_at: float) -> float:
        return ledger.add_burst(self.stack, self._salon, count, due_at - time.time()).due_at

    def add_pending(self, wanted: int) -> None:
        ledger.add_pending(self.stack, self.pending, wanted)
        self.pending = max(wanted, self.pending)

    def clear(self) -> None:
        self.stack.query("UPDATE sms_message SET status = 'expired' WHERE status = 'pending' AND due_at <= now()")

    def stored_bytes(self) -> int:
        return int(self.stack.query("SELECT pg_total_relation_size('sms_message')")[0][0])


class Peer(Contender):
    """A module of `bench.peers`, told what to do by its command line."""

    kills = {"workers": ["peer"]}

    def __init__(self, stack: Stack, module: str) -> None:
        super().__init__(stack)
        self._module = module
        self._environ = {
            "PATH": os.pathsep.join([str(VENV / "bin"), stack.environ["PATH"]]),
            "PYTHONPATH": str(CHECKOUT),
        }
        described = json.loads(self._tell("describe"))
        self.name, self._commands = described["name"], described["workers"]

    def start(self) -> None:
        self.units = [self.stack.add("peer", command, **self._environ) for command in self._commands]

    def add_burst(self, count: int, due_at: float) -> float:
        self._tell("burst", count, due_at)
        return due_at

    def add_pending(self, wanted: int) -> None:
        if wanted > self.pending:
            self._tell("far", wanted - self.pending)
        self.pending = wanted

    def clear(self) -> None:
        self._tell("clear")
        self.pending = 0

    def stored_bytes(self) -> int:
        return int(self._tell("bytes"))

    def _tell(self, *words: object) -> str:
        command = [str(VENV / "bin" / "python"), "-m", "bench.peers", self._module, *map(str, words)]
        environ = {**self.stack.environ, **self._environ}
        done = subprocess.run(command, cwd=CHECKOUT, env=environ, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command[1:])} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout


def install_peers() -> None:
    """Their locked requirements into .data/bench/peers, when they have changed. Raises CalledProcessError."""
    VENV.parent.mkdir(parents=True, exist_ok=True)
    stamp = VENV / ".installed"
    wanted = f"{sys.version} {hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()}"
    with (VENV.parent / "peers.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if stamp.exists() and stamp.read_text() == wanted:
            return
        report.say(f"Installing {REQUIREMENTS.name} into {VENV.relative_to(CHECKOUT)} …")
        _run(sys.executable, "-m", "venv", "--clear", str(VENV))
        _run(*_installer(), "--require-hashes", "-r", str(REQUIREMENTS))
        stamp.write_text(wanted)


def _installer() -> list[str]:
    python = str(VENV / "bin" / "python")
    uv = shutil.which("uv")
    return (
        [uv, "pip", "install", "--quiet", "--python", python]
        if uv
        else [python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-input"]
    )


def _run(*command: str) -> None:
    subprocess.run(command, check=True, env=installer_environment(dict(os.environ)))


def versions() -> dict[str, str]:
    """Of the peers' libraries, as they are locked."""
    lines = (line.split()[0] for line in REQUIREMENTS.read_text().splitlines() if "==" in line.split(";")[0])
    locked = dict(line.split("==", 1) for line in lines)
    return {
        name: locked[name] for name in ("apscheduler", "celery", "dramatiq", "huey", "procrastinate", "rq", "twilio")
    }
