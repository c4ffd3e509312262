"""Hints that a replica has work: at most one on its way, and never worth waiting for.

Redis is asked in a thread of its own: one that takes no answer would otherwise hold up whoever has just written.
"""

from __future__ import annotations

import contextvars
import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from replication.replica import connection, lease
from replication.replica.connection import Error
from replication.replica.keys import Family
from workspaces import hints

SYNC_TASK = "replication.tasks.sync"

_DEAF_SECONDS = 1.0  # after Redis did not answer, it is not asked for this long
_asks_again_at = 0.0
_waiting: set[Family] = set()  # asked for, and the thread has not come to them


def _new_thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="replica-wake")


_thread = _new_thread()


def wake(family: Family) -> None:
    """Have a worker bring this replica forward, unless one is about to; lost hints are made good by the sweep."""
    if family not in _waiting and time.monotonic() >= _asks_again_at:
        _waiting.add(family)
        _thread.submit(contextvars.copy_context().run, _mark, family)


def _mark(family: Family) -> None:
    global _asks_again_at
    _waiting.discard(family)  # first: what is written from now on is asked for again
    if time.monotonic() < _asks_again_at:
        return
    try:
        if lease.mark(connection.hasty_client(), family):
            hints.publish(SYNC_TASK, (family.uid,), key=family.uid)
    except Error:
        _asks_again_at = time.monotonic() + _DEAF_SECONDS


def begin(family: Family) -> None:
    """Have a worker fill a replica that is to exist from now on.

    Where it existed before, what was meant for its former life may still say that a worker is about to come; that one
    found nothing to do. So nobody is asked: two messages do no harm.
    """
    hints.publish(SYNC_TASK, (family.uid,), key=family.uid)


def want(family: Family, revision: int) -> None:
    """Have a worker move the replica's cursor to the end of the log: a reader waits for this revision."""
    with suppress(Error):
        connection.hasty_client().set(family.wanted, revision, ex=30)
    wake(family)


def _renew() -> None:
    global _thread
    _thread = _new_thread()
    _waiting.clear()


os.register_at_fork(after_in_child=_renew)  # threads do not survive a fork
