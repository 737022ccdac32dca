import contextlib
import time

import psutil  # type: ignore[import-untyped]


def wait_gone(pid: int, seconds: float) -> bool:
    """Whether the process `pid` has ended (it may still wait to be reaped) within `seconds`."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with contextlib.suppress(psutil.NoSuchProcess):
            if psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                time.sleep(0.05)
                continue
        return True
    return False
