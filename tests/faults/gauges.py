"""What a process holds: descriptors, threads, memory."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Gauges:
    """One moment of a process. Of descriptors without those of the database's files: each thread opens its own."""

    descriptors: int
    threads: int
    memory_bytes: int


def read(pid: int) -> Gauges:
    """The gauges of a process now."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return Gauges(
        descriptors=sum(count for target, count in descriptors(pid).items() if ".sqlite3" not in target),
        threads=int(status["Threads"]),
        memory_bytes=int(status["VmRSS"].split()[0]) * 1024,
    )


def descriptors(pid: int) -> Counter[str]:
    """What the descriptors of a process lead to, and how many to each: files by name, the others by kind."""
    targets = (_target(each).partition(":[")[0] for each in Path(f"/proc/{pid}/fd").iterdir())
    return Counter(targets)


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
