"""Stopping: every polite way to end a command leads through its `finally` blocks, once."""

import ctypes
import signal
import sys
from types import FrameType

POLITE = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PR_SET_PDEATHSIG = 1  # linux/prctl.h


def stop_on_signals() -> None:
    """Turn Ctrl-C, SIGTERM and a closed terminal into one `KeyboardInterrupt`; further ones change nothing."""
    for number in POLITE:
        signal.signal(number, _stop)


def _stop(_signal: int, _frame: FrameType | None) -> None:
    for number in POLITE:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def stop_with_parent() -> None:
    """On Linux: be sent SIGTERM when the parent (make) ends, even by kill -9."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
