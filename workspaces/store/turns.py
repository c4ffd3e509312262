"""Taking turns among the processes that write one SQLite file.

SQLite lets whoever waits for its write lock look again at longer and longer intervals, up to a tenth of a second; a
process that writes without pause is then hardly ever found between two transactions, and the others starve. So a
writer first takes a place in a queue of two locked files: who holds the first is the next one, and who holds the
second writes. Nobody gets past the one who is next. The kernel drops the locks of a process that dies.

The queue only orders: who cannot use it, or has waited too long because somebody holds its lock and does not go on,
leaves the rest to SQLite, and hardly waits again until a lock is had once more.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Sequence

LONGEST_SECONDS = 2.0
DOUBTFUL_SECONDS = 0.01  # after somebody has waited in vain
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.0002, 0.002


class Turns:
    """The queue of one database file; one thread of a process uses it at a time."""

    def __init__(self, database: str) -> None:
        self._names = (f"{database}.next", f"{database}.writer")
        self._files: Sequence[int] | None = None
        self._patience_seconds = LONGEST_SECONDS

    def take(self) -> bool:
        """Wait for one's turn; False when it did not come, and nothing is to be given back."""
        if self._files is None:
            self._files = self._opened()
        if not self._files:
            return False
        following, writing = self._files
        has_turn = _waited(following, writing, time.monotonic() + self._patience_seconds)
        self._patience_seconds = LONGEST_SECONDS if has_turn else DOUBTFUL_SECONDS
        return has_turn

    def give_back(self) -> None:
        """Let the next one write."""
        if self._files:
            fcntl.flock(self._files[1], fcntl.LOCK_UN)

    def close(self) -> None:
        """Forget the files; they are opened again when they are needed."""
        for descriptor in self._files or ():
            os.close(descriptor)
        self._files = None

    def _opened(self) -> Sequence[int]:
        """The descriptors, none where the files cannot be made."""
        files: list[int] = []
        try:
            for name in self._names:
                files.append(os.open(name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        except OSError:
            for descriptor in files:
                os.close(descriptor)
            return ()
        return files


def _waited(following: int, writing: int, deadline: float) -> bool:
    """Be the next one, then the one who writes; False when one of the two was not possible in time."""
    if not _locked(following, deadline):
        return False
    try:
        return _locked(writing, deadline)
    finally:
        fcntl.flock(following, fcntl.LOCK_UN)


def _locked(descriptor: int, deadline: float) -> bool:
    """Lock a file; False when that was not possible in time, or is not on this file system."""
    pause_seconds = _FIRST_PAUSE_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pass  # somebody else has it
        except OSError:
            return False
        else:
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(pause_seconds)
        pause_seconds = min(2 * pause_seconds, _LONGEST_PAUSE_SECONDS)
