"""How many rows to read at once: a number, so that it can be asked of the database, that bounds bytes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

FIRST = 32  # read at once while nothing is known of their size; objects have up to 1.5 MiB
MOST = 128  # a page of objects that are much larger than those before them must fit into memory too
BYTES = 8 * 1024 * 1024


@dataclass(slots=True)
class PageSize:
    """How many to read next: as many as make a page, if they are like those that were read last."""

    limit: int = field(default_factory=lambda: FIRST)

    def learn(self, sizes_bytes: Iterable[int]) -> None:
        """Take the sizes of what was read as those of what is to come."""
        sizes = list(sizes_bytes)
        self.limit = max(1, min(MOST, BYTES * len(sizes) // max(1, sum(sizes))))
