"""What each workload is held against: the mark to reach now, and the goal after it.

Absolute figures drift with the machine; they are for two shared cores with client and server side by side.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mark:
    """One figure: `mark` and `goal` are upper bounds if `at_most`, else lower bounds."""

    key: str
    what: str
    unit: str
    at_most: bool
    mark: float
    goal: float

    def is_met(self, value: float) -> bool:
        """Whether a measured value reaches the mark."""
        return value <= self.mark if self.at_most else value >= self.mark


MARKS = {
    mark.key: mark
    for mark in (
        Mark("P1.seconds", "P1 replicate 10,000 objects", "s", True, 1.5, 0.6),
        Mark("P2.p50", "P2 change to open watch, p50", "ms", True, 25, 12),
        Mark("P2.p99", "P2 change to open watch, p99", "ms", True, 120, 50),
        Mark("P3.kept_up", "P3 share of the offered changes that was taken", "%", False, 99, 99),
        Mark("P3.missing", "P3 changes that were not delivered", "", True, 0, 0),
        Mark("P3.lag_p99", "P3 lag, p99", "ms", True, 1000, 1000),
        Mark("P4.rate", "P4 GET, TLS, 32 clients", "/s", False, 1500, 3000),
        Mark("P5.lists", "P5 LIST 10,000 objects", "/s", False, 20, 80),
        Mark("P5.pages", "P5 pages of 500", "/s", False, 100, 700),
        Mark("P7.last", "P7 last of 1,000 watchers", "ms", True, 150, 60),
        Mark("P7.refused", "P7 watchers refused of 1,000", "", True, 0, 0),
        Mark("P9.rate", "P9 creates, 8 clients", "/s", False, 400, 600),
        Mark("P9.p99", "P9 creates, p99", "ms", True, 100, 60),
        Mark("P12.rest", "P12 memory at rest", "MB", True, 450, 350),
        Mark("P12.read", "P12 memory with 10,000 objects cached and read", "MB", True, 500, 500),
        Mark("P13.first", "P13 first start", "s", True, 8, 6),
        Mark("P13.later", "P13 later start", "s", True, 8, 4),
        Mark("P15.list", "P15 binding to first whole list", "ms", True, 500, 300),
        Mark("P15.crd", "P15 CRD to served", "ms", True, 50, 50),
        Mark("P16.seconds", "P16 10,000 objects removed", "s", True, 3, 1),
    )
}
