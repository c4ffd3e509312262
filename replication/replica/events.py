"""The events that consumers' watchers share, kept as long as they fit: a change is seen by many at one moment."""

from __future__ import annotations

import threading
from collections import deque

from kcpcache.apimachinery.storage import Collection, Event
from replication.replica.item import Change, Consumer

_MOST_BYTES = 32 * 1024 * 1024
_OVERHEAD_BYTES = 1000  # of an event, besides its bodies and lines


class Events:
    """Each change as each consumer sees it, made once for all watchers; the oldest are given up first.

    One for all replicas of a process, so that what it holds is bounded however many changes, consumers and
    replicas there are. An event that was given up is made anew for whoever still comes for it.
    """

    def __init__(self, most_bytes: int = _MOST_BYTES) -> None:
        self.size_bytes = 0  # of the events that are kept, about
        self._most_bytes = most_bytes
        self._guard = threading.Lock()
        self._kept: deque[tuple[Change, Consumer, int]] = deque()

    def make(self, change: Change, collection: Collection, consumer: Consumer) -> Event:
        """A change as a consumer sees it, to be found in `change.events` for a moment."""
        event = change.events[consumer] = change.event(collection, consumer[0])
        # Its body, the one before it, and the line that watchers render of it.
        size_bytes = _OVERHEAD_BYTES + change.size_bytes + len(event.body)
        with self._guard:
            self._kept.append((change, consumer, size_bytes))
            self.size_bytes += size_bytes
            if self.size_bytes > self._most_bytes:
                self._give_up()
        return event

    def _give_up(self) -> None:
        while self.size_bytes > self._most_bytes and len(self._kept) > 1:
            change, consumer, size_bytes = self._kept.popleft()
            change.events.pop(consumer, None)
            self.size_bytes -= size_bytes
