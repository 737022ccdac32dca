"""`python -m devstack.watchdog NOTES MARK`: waits for its parent's end, then ends what it left behind."""

import signal
import sys
from pathlib import Path

from devstack.processes import Notes, end_leftovers


def watch(notes_path: Path, mark: str) -> None:
    """Return once the parent is gone (its end of our standard input closes) and its stack too."""
    while sys.stdin.buffer.read(1):
        pass
    notes = Notes.read(notes_path)
    if notes is None or notes.mark != mark:
        return  # a clean stop, or somebody has cleaned up and started anew
    end_leftovers(notes, mark)
    notes_path.unlink(missing_ok=True)


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    watch(Path(sys.argv[1]), sys.argv[2])
