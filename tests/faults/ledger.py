"""What writers asked for and what they were told."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from enum import Enum

ADDED, MODIFIED, DELETED = "ADDED", "MODIFIED", "DELETED"  # a write is called by the event it causes
NUMBER = "faults.example.com/number"  # the annotation that says which write an object's state comes from


class Outcome(Enum):
    """What became of a write as far as its writer knows."""

    ACKNOWLEDGED = "acknowledged"
    REFUSED = "refused"  # answered with an error: it must not have happened
    UNKNOWN = "unknown"  # the connection was lost, or 5xx: whole or absent


@dataclass(frozen=True, slots=True)
class Write:
    """One attempt. `number` marks the state it makes; `revision` is 0 where the answer names none."""

    name: str
    event: str
    number: int
    outcome: Outcome
    revision: int
    seconds: float
    answer: str = ""  # of a write that was not acknowledged


@dataclass
class Ledger:
    """All attempts.

    Those of one name are in order, as one writer owns it. It leaves a name alone after an unknown outcome, and never
    uses the name of a deleted object again.
    """

    writes: list[Write] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(self, write: Write) -> None:
        """Note an attempt."""
        with self._lock:
            self.writes.append(write)

    def by_name(self) -> dict[str, list[Write]]:
        """The attempts that may have happened, for each name."""
        found: dict[str, list[Write]] = {}
        for write in list(self.writes):
            if write.outcome is not Outcome.REFUSED:
                found.setdefault(write.name, []).append(write)
        return found

    def count(self, outcome: Outcome = Outcome.ACKNOWLEDGED) -> int:
        """How many attempts had an outcome."""
        return sum(write.outcome is outcome for write in list(self.writes))

    def not_acknowledged(self) -> list[Write]:
        """All others."""
        return [write for write in list(self.writes) if write.outcome is not Outcome.ACKNOWLEDGED]
