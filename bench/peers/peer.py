"""What a peer is told: ``python -m bench.peers.<name> describe | clear | burst COUNT DUE_AT | far COUNT | bytes``."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from bench.peers import texts


@dataclass(frozen=True)
class Peer:
    """Args:
    name: as the table has it.
    workers: a command for each process that a supervisor would run.
    add: put texts where they wait until they are due.
    stored_bytes: what the store takes, with its indexes.
    clear: empty the store, or make it.
    """

    name: str
    workers: tuple[str, ...]
    add: Callable[[Iterable[texts.Text]], None]
    stored_bytes: Callable[[], int]
    clear: Callable[[], None]


def main(peer: Peer) -> None:
    match sys.argv[1:]:
        case ["describe"]:
            print(json.dumps({"name": peer.name, "workers": peer.workers}))
        case ["clear"]:
            peer.clear()
        case ["burst", count, due_at]:
            peer.add(texts.due_together(int(count), float(due_at)))
        case ["far", count]:
            peer.add(texts.far(int(count)))
        case ["bytes"]:
            print(peer.stored_bytes())
        case _:
            sys.exit(__doc__)
