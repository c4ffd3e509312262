"""The processes of an instance, told apart by their command lines, and the CPU time they have taken."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_MARKS = {
    "web": "kcpcache web",
    "worker": " worker -Q",
    "beat": " beat ",
    "redis": "valkey-server",
    "supervisor": "manage.py up",
    "bare": "bench.hello",
}


@dataclass(frozen=True, slots=True)
class Process:
    """A process and its part in the instance."""

    pid: int
    role: str


def of(supervisor_pid: int) -> list[Process]:
    """The supervisor and all below it."""
    return [Process(pid, _role(pid)) for pid in (supervisor_pid, *_descendants(supervisor_pid))]


def cpu_seconds(processes: list[Process]) -> dict[str, float]:
    """User and system time so far, by role; processes that are gone count nothing."""
    seconds: dict[str, float] = {}
    for process in processes:
        seconds[process.role] = seconds.get(process.role, 0.0) + _cpu_seconds(process.pid)
    return seconds


@dataclass(slots=True)
class Shares:
    """CPU time of each role for each second of a stretch; 1.0 is one whole core."""

    by_role: dict[str, float] = field(default_factory=dict)


@contextmanager
def shares(supervisor_pid: int | None) -> Iterator[Shares]:
    """What the instance's processes take during the block; empty when its supervisor is not known."""
    measured = Shares()
    if supervisor_pid is None:
        yield measured
        return
    before, started = cpu_seconds(of(supervisor_pid)), perf_counter()
    yield measured
    wall_seconds = perf_counter() - started
    for role, seconds in cpu_seconds(of(supervisor_pid)).items():
        measured.by_role[role] = max(0.0, seconds - before.get(role, 0.0)) / wall_seconds


def _role(pid: int) -> str:
    try:
        line = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return "gone"
    return next((role for role, mark in _MARKS.items() if mark in line), "other")


def _descendants(pid: int) -> list[int]:
    try:
        children = [
            int(child)
            for task in Path(f"/proc/{pid}/task").iterdir()
            for child in (task / "children").read_text().split()
        ]
    except OSError:
        return []
    return children + [each for child in children for each in _descendants(child)]


def _cpu_seconds(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND
