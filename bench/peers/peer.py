"""What each module here gives as ``PEER``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from bench.peers import texts


def _has_a_command() -> None:
    raise SystemExit("This peer brings a command for its workers.")


@dataclass(frozen=True)
class Peer:
    """A library, set up.

    Args:
      name: as the table has it.
      workers: a command for each process that a supervisor would run.
      add: put texts where they wait until they are due.
      stored_bytes: what the store takes, with its indexes.
      clear: empty the store; make it where there is none.
      work: be a worker until SIGTERM, where the library has no command for it.
    """

    name: str
    workers: tuple[str, ...]
    add: Callable[[Iterable[texts.Text]], None]
    stored_bytes: Callable[[], int]
    clear: Callable[[], None]
    work: Callable[[], None] = _has_a_command
