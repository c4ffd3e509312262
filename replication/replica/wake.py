"""Hints that a replica has work: at most one on its way, and never worth waiting for."""

from __future__ import annotations

import time
from contextlib import suppress

from replication.replica import connection, lease
from replication.replica.connection import Error
from replication.replica.keys import Family
from workspaces import hints

SYNC_TASK = "replication.tasks.sync"

_DEAF_SECONDS = 1.0  # after Redis did not answer, writers do not ask it for this long
_asks_again_at = 0.0


def wake(family: Family) -> None:
    """Have a worker bring this replica forward, unless one is about to; lost hints are made good by the sweep."""
    global _asks_again_at
    if time.monotonic() < _asks_again_at:
        return
    try:
        if lease.mark(connection.hasty_client(), family):
            hints.publish(SYNC_TASK, (family.uid,), key=family.uid)
    except Error:
        _asks_again_at = time.monotonic() + _DEAF_SECONDS


def want(family: Family, revision: int) -> None:
    """Have a worker move the replica's cursor to the end of the log: a reader waits for this revision."""
    with suppress(Error):
        connection.hasty_client().set(family.wanted, revision, ex=30)
    wake(family)
