"""The memory of an instance: the proportional set size of all its processes, from its supervisor's pid.

PSS counts a page that several processes share once; RSS counts it in each of them.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from bench import processes

SAMPLE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes, by role and in all."""

    pss: dict[str, int] = field(default_factory=dict)
    rss: dict[str, int] = field(default_factory=dict)

    @property
    def pss_bytes(self) -> int:
        """All processes together."""
        return sum(self.pss.values())

    @property
    def rss_bytes(self) -> int:
        """All processes together, shared pages counted in each."""
        return sum(self.rss.values())


def read(supervisor_pid: int) -> Memory:
    """The memory of an instance now."""
    memory = Memory()
    for process in processes.of(supervisor_pid):
        pss, rss = _rollup(process.pid)
        memory.pss[process.role] = memory.pss.get(process.role, 0) + pss
        memory.rss[process.role] = memory.rss.get(process.role, 0) + rss
    return memory


def _rollup(pid: int) -> tuple[int, int]:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0, 0
    found = {line.split()[0]: int(line.split()[1]) * 1024 for line in lines[1:] if line.endswith("kB")}
    return found.get("Pss:", 0), found.get("Rss:", 0)


class Peak:
    """The most memory an instance has while the block runs, looked at twice a second."""

    def __init__(self, supervisor_pid: int | None) -> None:
        self._pid = supervisor_pid
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.memory: Memory | None = None

    @property
    def pss_bytes(self) -> int | None:
        """All processes together; None when the instance's supervisor is not known."""
        return self.memory.pss_bytes if self.memory else None

    def __enter__(self) -> Self:
        if self._pid is not None:
            self._thread = threading.Thread(target=self._watch, args=(self._pid,), daemon=True)
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _watch(self, pid: int) -> None:
        while True:
            now = read(pid)
            if self.memory is None or now.pss_bytes > self.memory.pss_bytes:
                self.memory = now
            if self._stop.wait(SAMPLE_SECONDS):
                return
