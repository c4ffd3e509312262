"""Notices a database that was rolled back, by a restore or a failover, and keeps its old revisions from coming again.

A mark, the highest revision that was seen, is kept in Redis and in the data directory. It is moved every few seconds
by workers, and every second by web processes that write. A database that is below the mark has lost what others have
read: it goes on far above the mark, and everything older counts as compacted (`store.revisions.jump_above`).
"""

from __future__ import annotations

import logging
import os
import threading
from contextlib import suppress
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, connections

from replication.replica import connection, mark
from replication.replica.connection import Client, Error
from workspaces.store import revisions

logger = logging.getLogger(__name__)

FILE_NAME = "revision.mark"
MARGIN = 1_000_000  # more revisions than can be given between two movements of the mark
_PAUSE_SECONDS = 1.0  # between two movements by a web process
_FAILURES = (Error, DatabaseError, OSError)


def keep(client: Client) -> None:
    """Compare the database with Redis' mark, then move both marks; raises Redis' errors.

    The mark is read first: it can then not be above a database that is well.
    """
    highest = mark.read(client)
    newest = _above(highest)
    if newest > highest:
        mark.raise_to(client, newest)
        write_file(newest)


def check() -> int | None:
    """Before anything is served: the revision that the store went on at when it had been rolled back, else None."""
    highest = read_file()
    with suppress(Error):
        highest = max(highest, mark.read(connection.hasty_client()))
    before = revisions.newest().value
    now = _above(highest)
    return now if now > before else None


def after_restore(former: int) -> int:
    """Go on above the marks and above `former`, any revision that was known; the new revision."""
    highest = max(former, read_file())
    with suppress(Error):
        highest = max(highest, mark.read(connection.hasty_client()))
    return revisions.jump_above(highest + MARGIN)


def _above(highest: int) -> int:
    """The newest revision, after a jump where it was below the mark."""
    newest = revisions.newest().value
    if newest >= highest:
        return newest
    now = revisions.jump_above(highest + MARGIN)
    logger.warning(
        "the database is at revision %d but %d was seen: it was rolled back. It goes on at %d; watches start anew",
        newest,
        highest,
        now,
    )
    return now


def read_file() -> int:
    """The mark in the data directory, 0 when there is none or it cannot be read."""
    try:
        return int(_path().read_text())
    except (OSError, ValueError):
        return 0


def write_file(revision: int) -> None:
    """Move the mark in the data directory; a machine whose disk is full does without."""
    with suppress(OSError):
        if read_file() < revision:
            part = _path().with_suffix(f".{os.getpid()}.{threading.get_ident()}")
            part.write_text(str(revision))  # not synced: a power loss may take the last seconds of a mark
            part.replace(_path())


def _path() -> Path:
    return Path(settings.KCPCACHE_DATA_DIR) / FILE_NAME


class Keeper(threading.Thread):
    """Moves the marks after writes of this process, at most once a second."""

    def __init__(self) -> None:
        super().__init__(name="revision-mark", daemon=True)
        self._written = threading.Event()
        self._stopping = threading.Event()

    def note(self) -> None:
        """Something was committed; returns at once."""
        self._written.set()

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        self._written.set()
        self.join()

    def run(self) -> None:
        """Until stopped."""
        while not self._stopping.is_set():
            self._written.wait()
            self._written.clear()
            try:
                keep(connection.hasty_client())
            except _FAILURES as error:
                logger.debug("the mark was not moved: %s", error)
                connections.close_all()
            self._stopping.wait(_PAUSE_SECONDS)
        connections.close_all()


_keeper: Keeper | None = None


def note() -> None:
    """Something was committed in this process."""
    if _keeper is not None:
        _keeper.note()


def start() -> None:
    """Begin to move the marks in this process: a web process, which may write while no worker runs."""
    global _keeper
    _keeper = Keeper()
    _keeper.start()


def stop() -> None:
    """End it."""
    global _keeper
    if _keeper is not None:
        _keeper.stop()
        _keeper = None
