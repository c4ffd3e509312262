"""What a process holds: descriptors, threads, memory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Gauges:
    """One moment of a process."""

    descriptors: int
    threads: int
    memory_bytes: int


def read(pid: int) -> Gauges:
    """The gauges of a process now."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return Gauges(
        descriptors=len(list(Path(f"/proc/{pid}/fd").iterdir())),
        threads=int(status["Threads"]),
        memory_bytes=int(status["VmRSS"].split()[0]) * 1024,
    )


def holds_connection(pid: int, port: int) -> bool:
    """Whether a process has a connection to a port of the loopback."""
    inodes = {
        link for each in Path(f"/proc/{pid}/fd").iterdir() if (link := _target(each)).startswith("socket:")
    }
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return any(row[2].endswith(f":{port:04X}") and f"socket:[{row[9]}]" in inodes for row in rows)


def _target(descriptor: Path) -> str:
    try:
        return str(descriptor.readlink())
    except OSError:
        return ""  # closed meanwhile
