"""Which processes belong to a stack, who they are for certain, and how they end.

Two ways to know them, both sure of whom they mean: servers are noted by pid and start time (a pid alone may have
been given to somebody else since), and everything started by the runner carries the stack's mark in its
environment, so that a grandchild is found too after its parents are gone.
"""

import contextlib
import json
import os
import signal
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psutil  # type: ignore[import-untyped]

MARK = "BOOKING_DEVSTACK"
SERVER_MARK = "BOOKING_DEVSTACK_SERVER"
STOP_SECONDS = 9.0


@dataclass(frozen=True)
class Noted:
    """A process by pid and by the moment it started (seconds since 1970)."""

    name: str
    pid: int
    started_at: float

    @classmethod
    def of(cls, name: str, pid: int) -> "Noted":
        return cls(name, pid, psutil.Process(pid).create_time())

    def find(self) -> "psutil.Process | None":
        """The process itself; `None` once it ended, or when its pid means another process now."""
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.started_at) < 1.0
            if same and process.status() != psutil.STATUS_ZOMBIE:
                return process
        return None


@dataclass
class Notes:
    """What a running stack tells the next command: its mark, its URLs, its servers."""

    mark: str
    urls: dict[str, str] = field(default_factory=dict)
    servers: list[Noted] = field(default_factory=list)

    def write(self, path: Path) -> None:
        half = path.with_suffix(".new")
        half.write_text(json.dumps(asdict(self), indent=1))
        half.replace(path)

    @classmethod
    def read(cls, path: Path) -> "Notes | None":
        """The notes in the file `path`; `None` where there are none, or none that can be read."""
        try:
            raw = json.loads(path.read_text())
            servers = [Noted(str(s["name"]), int(s["pid"]), float(s["started_at"])) for s in raw["servers"]]
            return cls(str(raw["mark"]), dict(raw["urls"]), servers)
        except (OSError, ValueError, KeyError, TypeError):
            return None


def marked(prefix: str, variable: str = MARK, *, spare: str = "") -> "list[psutil.Process]":
    """Every process whose mark starts with `prefix`, but for those marked exactly `spare` and ourselves."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            mark = process.environ().get(variable, "")
            if mark.startswith(prefix) and mark != spare and process.pid != os.getpid():
                found.append(process)
    return found


def end(processes: "Iterable[psutil.Process]", *, first: int = signal.SIGTERM, seconds: float = STOP_SECONDS) -> int:
    """Ask `processes` to stop with the signal `first`, kill what is left after `seconds`; how many there were."""
    alive = list(processes)
    for process in alive:
        with contextlib.suppress(psutil.Error):
            process.send_signal(first)
    _, stubborn = psutil.wait_procs(alive, timeout=seconds)
    for process in stubborn:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(stubborn, timeout=2)
    return len(alive)


def end_leftovers(notes: Notes | None, prefix: str, *, spare: str = "") -> int:
    """End what an earlier stack left behind: first the processes that use the servers, then the servers.

    Returns how many processes were ended.
    """
    ended = end(marked(prefix, spare=spare))
    noted = [server.find() for server in notes.servers] if notes else []
    servers = {process for process in [*noted, *marked(prefix, SERVER_MARK, spare=spare)] if process}
    # PostgreSQL's fast shutdown; Valkey too writes what it has and ends on it.
    return ended + end(servers, first=signal.SIGINT)
