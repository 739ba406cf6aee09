"""A process with all that it started, children and JVM included: its CPU, its memory, and signals to all of it."""

import contextlib
import os
import signal
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


class _Stat(NamedTuple):
    parent: int
    #: Its own and that of the children that it waited for.
    cpu_seconds: float


def members(root: int) -> list[int]:
    """Ids of a process and its descendants."""
    children = defaultdict(list)
    for process, stat in _all().items():
        children[stat.parent].append(process)
    found = [root]
    for process in found:
        found += children[process]
    return found


def cpu_seconds(root: int) -> float:
    """User and system time of a process and its descendants so far."""
    stats = _all()
    return sum(stats[process].cpu_seconds for process in members(root) if process in stats)


def peak_memory_mb(root: int) -> float:
    """What a process and its descendants held in memory at most, each at its own time."""
    return sum(_kilobytes(process, "VmHWM") for process in members(root)) / 1024


def memory_mb(root: int) -> float:
    """What a process and its descendants hold in memory now."""
    return sum(_kilobytes(process, "VmRSS") for process in members(root)) / 1024


def send(processes: list[int], number: signal.Signals) -> None:
    """Send a signal to those of these processes that are there."""
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, number)


def _all() -> dict[int, _Stat]:
    stats = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            stats[int(folder.name)] = _Stat(int(fields[1]), sum(map(int, fields[11:15])) / _TICKS_PER_SECOND)
    return stats


def _kilobytes(process: int, field: str) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{process}/status").read_text().splitlines():
            if line.startswith(field):
                return int(line.split()[1])
    return 0
