"""Whether changes that come all the time are delivered all the time: matches what was sent with what a watch shows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_SERIAL = re.compile(rb'"serial":(\d+)')


@dataclass(slots=True)
class Ledger:
    """When each change was sent and when a watch showed it; a change is known by its serial."""

    sent: dict[int, float] = field(default_factory=dict)
    seen: dict[int, float] = field(default_factory=dict)
    repeated: int = 0

    def line(self, line: bytes, at: float) -> None:
        """Take one event of the watch."""
        found = _SERIAL.search(line)
        if found is None:
            return
        serial = int(found[1])
        if serial in self.seen:
            self.repeated += 1
        else:
            self.seen[serial] = at

    @property
    def missing(self) -> int:
        """Changes that were taken and not shown (yet)."""
        return sum(serial not in self.seen for serial in self.sent)

    def lags(self) -> list[float]:
        """Seconds from sent to shown, in the order in which the changes were sent."""
        return [self.seen[serial] - at for serial, at in sorted(self.sent.items()) if serial in self.seen]

    def drift(self) -> float:
        """How much longer the last third took than the first, as the quotient of their medians; 1.0 is steady."""
        lags = self.lags()
        third = len(lags) // 3
        if not third:
            return 1.0
        first, last = sorted(lags[:third])[third // 2], sorted(lags[-third:])[third // 2]
        return last / first if first > 0 else 1.0


def memory_note(before: Mapping[str, int], after: Mapping[str, int]) -> str:
    """What each process gained or lost, where it is 5 MB or more."""
    moved = {role: after[role] - before.get(role, 0) for role in after}
    told = [f"{role} {change / 1e6:+.0f} MB" for role, change in moved.items() if abs(change) >= 5e6]
    return f"memory: {', '.join(told) or 'unchanged within 5 MB'}"
