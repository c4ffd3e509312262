"""When a replica's counts change, the CachedResource's status must say so: at most once a second."""

from __future__ import annotations

import time
from dataclasses import dataclass

from replication import rows
from workspaces import receivers
from workspaces.store import work

CONTROLLER = "cachedresource"
INTERVAL_SECONDS = 1.0


@dataclass(slots=True)
class _Last:
    noted_at: float = -INTERVAL_SECONDS
    due_at: float = 0.0  # of the note that is still to be worked off


_last: dict[str, _Last] = {}


def note_change(uid: str) -> None:
    """Note that the status of a CachedResource may be out of date: the first change at once, then one a second.

    A change within the second needs no note of its own where one is waiting: it will be counted then. Another
    process may have had that one worked off earlier, so the database is asked.
    """
    source = rows.find(uid)
    if source is None:
        return
    now = time.monotonic()
    last = _last.setdefault(uid, _Last())
    cluster, name = source.collection.cluster, source.name
    if now < last.due_at and work.is_waiting(CONTROLLER, cluster, name, within_seconds=INTERVAL_SECONDS):
        return
    delay_seconds = max(0.0, last.noted_at + INTERVAL_SECONDS - now)
    last.noted_at = last.due_at = now + delay_seconds
    work.note(CONTROLLER, cluster, name, delay_seconds=delay_seconds)
    if not delay_seconds:
        receivers.hint()
