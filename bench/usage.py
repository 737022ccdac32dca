"""What processes cost: seconds of CPU and bytes of memory, with their children."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
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
    for process in _families(pids):
        with suppress(psutil.Error):  # it has just ended
            cpu += _cpu_seconds_of(process)
            memory += process.memory_full_info().pss
    return Usage(cpu, memory / MIB)


def cpu_seconds(pids: Iterable[int]) -> float:
    """The same without memory, which takes as long to read as a short burst."""
    total = 0.0
    for process in _families(pids):
        with suppress(psutil.Error):
            total += _cpu_seconds_of(process)
    return total


def _cpu_seconds_of(process: psutil.Process) -> float:
    """And of its children, those that have ended: PostgreSQL ends the process of a connection with it."""
    times = process.cpu_times()
    spent: float = times.user + times.system + times.children_user + times.children_system
    return spent


def _families(pids: Iterable[int]) -> list[psutil.Process]:
    found: dict[int, psutil.Process] = {}
    for pid in pids:
        with suppress(psutil.Error):
            parent = psutil.Process(pid)
            found |= {process.pid: process for process in (parent, *parent.children(recursive=True))}
    return list(found.values())
