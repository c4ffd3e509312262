"""When a replica's counts change, the CachedResource's status must say so: at most once a second."""

from __future__ import annotations

import time

from replication import rows
from workspaces import receivers
from workspaces.store import work

CONTROLLER = "cachedresource"
INTERVAL_SECONDS = 1.0

_due_at: dict[str, float] = {}  # by uid: when the last note of this process is, or was, to be worked off


def note_change(uid: str) -> None:
    """Note that the status of a CachedResource may be out of date: the first change at once, then one a second.

    A change needs no note of its own where one is waiting: it will be counted then. Where that one was claimed or
    worked off meanwhile, it is made again for the same time: however many changes there are, none is due later than
    a second from now.
    """
    source = rows.find(uid)
    if source is None:
        return
    now, due_at = time.monotonic(), _due_at.get(uid, -INTERVAL_SECONDS)
    cluster, name = source.collection.cluster, source.name
    if now >= due_at:
        due_at = _due_at[uid] = max(now, due_at + INTERVAL_SECONDS)
    elif work.is_waiting(CONTROLLER, cluster, name, within_seconds=INTERVAL_SECONDS):
        return
    delay_seconds = due_at - now
    work.note(CONTROLLER, cluster, name, delay_seconds=delay_seconds)
    receivers.hint(delay_seconds=delay_seconds)


class Reporter:
    """Notes the changes of one replica while much is done to it, at most once a second.

    What takes less than a second is noted by the caller when it is done, and costs no look at the database here.
    """

    def __init__(self, uid: str) -> None:
        self._uid = uid
        self._next_at = time.monotonic() + INTERVAL_SECONDS

    def __call__(self) -> None:
        """Something has changed."""
        now = time.monotonic()
        if now >= self._next_at:
            self._next_at = now + INTERVAL_SECONDS
            note_change(self._uid)
