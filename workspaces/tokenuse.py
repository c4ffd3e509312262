"""When a token was last used: remembered while requests are answered, written once a minute in one statement."""

from __future__ import annotations

import logging
import threading

from django.db import DatabaseError, connections
from django.utils import timezone

from workspaces.models import Token

logger = logging.getLogger(__name__)

WRITE_SECONDS = 60.0
_BATCH = 500  # digests a statement


class Recorder:
    """The tokens that were used since the last writing. Bounded by the tokens there are: only known ones are noted."""

    def __init__(self) -> None:
        self._used: set[str] = set()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def note(self, digest: str) -> None:
        """A token was found and let somebody in."""
        with self._lock:
            self._used.add(digest)

    def write(self) -> int:
        """Write what was noted; how many tokens that were. DatabaseError, and then nothing is forgotten."""
        with self._lock:
            used, self._used = self._used, set()
        digests = sorted(used)
        now = timezone.now()
        try:
            for start in range(0, len(digests), _BATCH):
                Token.objects.filter(digest__in=digests[start : start + _BATCH]).update(last_used=now)
        except DatabaseError:
            with self._lock:
                self._used |= used
            raise
        return len(digests)

    def start(self) -> None:
        """Write once a minute from now on, in a thread of its own."""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(self._stop,), name="token-use", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Write what is left, and end."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=2.0)
            self._thread = None

    def _run(self, stop: threading.Event) -> None:
        stopping = False
        while not stopping:
            stopping = stop.wait(WRITE_SECONDS)
            try:
                self.write()
            except DatabaseError as error:
                logger.info("the use of tokens could not be written, and waits: %s", type(error).__name__)
            finally:
                connections.close_all()


recorder = Recorder()
