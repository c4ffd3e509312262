"""The data directory: made private, proven writable, held by one instance at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from kcpcache import privacy
from supervisor.errors import StartRefused

LOCK_FILE = "supervisor.lock"
HANDOVER_SECONDS = 10.0  # how long the children of a killed supervisor may take to end


def make_private(directory: Path) -> None:
    """Make a directory that only its owner can enter, or mend one of ours; StartRefused."""
    _make(directory)
    try:
        privacy.directory(directory)
    except ImproperlyConfigured as refusal:
        raise StartRefused(str(refusal)) from None
    if directory.stat().st_uid != os.geteuid():
        raise StartRefused(f"The directory {directory} must belong to this user (mode 0700).")


def _make(directory: Path) -> None:
    """Make a directory with mode 0700 if it is not there; one that is there keeps its mode; StartRefused."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StartRefused(f"The directory {directory} cannot be made: {error.strerror}.") from None


@contextmanager
def claim(directory: Path) -> Iterator[int]:
    """Hold a data directory; yields the lock's file descriptor, which every child process should inherit.

    As the children hold the lock too, nobody else starts on the data while one of them is left over from a
    supervisor that was killed. Raises StartRefused when the directory cannot be written or is taken.
    """
    _make(directory)
    path = directory / LOCK_FILE
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StartRefused(f"The data directory {directory} is not writable: {error.strerror}.") from None
    try:
        _lock(descriptor, directory)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield descriptor
    finally:
        os.close(descriptor)


def fold_log(database: Path) -> None:
    """Fold a SQLite database's write-ahead log into its file, so that the file alone can be copied.

    SQLite does it when the last connection is closed, which a process that is killed does not live to do.
    A file that is not there, or that somebody else holds, is left as it is: nothing in its log is lost.
    """
    if database.is_file():
        with (
            contextlib.suppress(sqlite3.Error),
            contextlib.closing(sqlite3.connect(database, timeout=5.0)) as connection,
        ):
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _lock(descriptor: int, directory: Path) -> None:
    """Take the lock; wait for it only if the instance that has it is ending; StartRefused."""
    deadline = time.monotonic() + HANDOVER_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 20, 0).decode() or "unknown"
            if _lives(holder) or time.monotonic() > deadline:
                raise StartRefused(
                    f"Another instance (process {holder}) is running on the data directory {directory}."
                ) from None
            time.sleep(0.05)
        else:
            return


def _lives(process_id: str) -> bool:
    """Whether a process with this id exists."""
    try:
        os.kill(int(process_id), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True
