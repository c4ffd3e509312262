"""A bounded queue between one publisher thread and one reader, woken without locks on the hot path."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")


class Closed(Exception):
    """The mailbox was closed by its publisher; `reason` says why: ``expired``, ``slow``, ``shutdown``, ``gone``."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Mailbox(Generic[T]):
    """Items put by a publisher, taken in batches by one reader.

    A mailbox that holds more than `capacity` items, or to which more than `capacity_bytes` were added after it was
    empty last, closes itself with reason ``slow``: a slow reader never slows the others and never makes memory grow.
    What comes into an empty one is always taken, and costs no counting. `on_ready` is called, from the publisher's
    thread, whenever the mailbox goes from empty to not empty, or closes.
    """

    __slots__ = ("_behind_bytes", "_capacity", "_capacity_bytes", "_items", "_lock", "_reason", "on_ready")

    def __init__(self, capacity: int = 10_000, capacity_bytes: int = 64 * 1024 * 1024) -> None:
        self._items: deque[T] = deque()
        self._capacity = capacity
        self._capacity_bytes = capacity_bytes
        self._behind_bytes = 0
        self._reason = ""
        self._lock = threading.Lock()
        self.on_ready: Callable[[], None] | None = None

    def size_bytes(self, item: T) -> int:
        """What an item counts; 0 for those whose size does not matter."""
        return 0

    def put(self, items: Sequence[T]) -> None:
        """Append items in order; closes the mailbox when that is too much."""
        if self._reason:
            return
        with self._lock:
            was_empty = not self._items
            self._items.extend(items)
            self._behind_bytes = 0 if was_empty else self._behind_bytes + sum(map(self.size_bytes, items))
            overflow = len(self._items) > self._capacity or self._behind_bytes > self._capacity_bytes
        if overflow:
            self.close("slow")
        elif was_empty and self._items:
            self._wake()

    def take(self) -> list[T]:
        """All items there are, maybe none; raises Closed when closed and (unless slow) emptied."""
        with self._lock:
            items = list(self._items)
            self._items.clear()
        if self._reason and (not items or self._reason == "slow"):
            raise Closed(self._reason)
        return items

    def close(self, reason: str) -> None:
        """No more items will come; the reader gets what there is, then Closed."""
        if not self._reason:
            self._reason = reason
            self._wake()

    @property
    def closed_reason(self) -> str:
        """Why it was closed, empty while it is open."""
        return self._reason

    def _wake(self) -> None:
        if self.on_ready is not None:
            self.on_ready()
