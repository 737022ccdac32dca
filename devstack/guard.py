"""Nothing of a stack outlives its runner, however the runner ends.

While a stack runs, a lock is held (the system drops it with the process), its notes lie beside its data, and a
watchdog, a process of its own, waits for the runner's end. After a clean stop the watchdog finds nothing to do;
after kill -9 it ends what was left; and should it be killed too, the next start does.
"""

import contextlib
import fcntl
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

from devstack.errors import AlreadyRunning
from devstack.paths import CHECKOUT
from devstack.processes import Noted, Notes, end_leftovers

NOTES, LOCK = "stack.json", "lock"


@contextlib.contextmanager
def locked(data: Path, what: str) -> Iterator[None]:
    """Hold the lock of the stack in `data`. Raises `AlreadyRunning`, with its URLs, where another holds it."""
    data.mkdir(parents=True, exist_ok=True)
    with (data / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            notes = Notes.read(data / NOTES)
            urls = [f"  {name:<16}{url}" for name, url in (notes.urls if notes else {}).items()]
            raise AlreadyRunning("\n".join([f"{what} is already running in this checkout.", *urls])) from None
        yield


class Guard:
    """Context manager around a stack's life: cleans up before it, and after it whatever happens."""

    def __init__(self, data: Path) -> None:
        self.path = data / NOTES
        self.prefix = f"{data}|"
        self.notes = Notes(f"{self.prefix}{uuid.uuid4().hex}")
        self._watchdog: subprocess.Popen[bytes] | None = None

    @property
    def mark(self) -> str:
        return self.notes.mark

    def __enter__(self) -> "Guard":
        ended = end_leftovers(Notes.read(self.path), self.prefix, spare=self.mark)
        if ended:
            print(f"Ended {ended} processes that an earlier start had left behind.")
        self.notes.write(self.path)
        self._watchdog = subprocess.Popen(
            [sys.executable, "-m", "devstack.watchdog", str(self.path), self.mark],
            cwd=CHECKOUT,
            stdin=subprocess.PIPE,
            start_new_session=True,
        )
        return self

    def note_urls(self, urls: dict[str, str]) -> None:
        self.notes.urls = urls
        self.notes.write(self.path)

    def note_server(self, name: str, pid: int) -> None:
        self.notes.servers.append(Noted.of(name, pid))
        self.notes.write(self.path)

    def __exit__(self, *_: object) -> None:
        end_leftovers(self.notes, self.mark)
        self.path.unlink(missing_ok=True)
        if self._watchdog and self._watchdog.stdin:
            self._watchdog.stdin.close()
            self._watchdog.wait()
