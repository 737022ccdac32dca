"""``python -m bench.peers MODULE describe|clear|burst COUNT DUE_AT|far COUNT|bytes|work``: what a peer is told."""

from __future__ import annotations

import importlib
import json
import sys

from bench.peers import texts
from bench.peers.peer import Peer


def main(module: str, *words: str) -> None:
    peer: Peer = importlib.import_module(f"bench.peers.{module}").PEER
    match words:
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
        case ["work"]:
            peer.work()
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(*sys.argv[1:])
