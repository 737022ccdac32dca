"""What processes cost: seconds of CPU and bytes of memory, with their children."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import psutil  # type: ignore[import-untyped]

MIB = 1024 * 1024


@dataclass(frozen=True)
class Usage:
    cpu_seconds: float
    memory_mib: float

    def since(self, before: Usage) -> Usage:
        """The CPU spent since ``before``, and the memory now."""
        return Usage(self.cpu_seconds - before.cpu_seconds, self.memory_mib)


def of(pids: Iterable[int]) -> Usage:
    """Of these processes and their children; memory that they share (PSS) is counted once."""
    cpu = memory = 0.0
    seen: set[int] = set()
    for pid in pids:
        for process in _family(pid):
            if process.pid in seen:
                continue
            seen.add(process.pid)
            try:
                times = process.cpu_times()
                # Of its children, those that have ended: PostgreSQL ends the process of a connection with it.
                cpu += times.user + times.system + times.children_user + times.children_system
                memory += process.memory_full_info().pss
            except psutil.Error:
                continue  # it has just ended
    return Usage(cpu, memory / MIB)


def _family(pid: int) -> list[psutil.Process]:
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.Error:
        return []
