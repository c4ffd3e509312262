"""The end of a worker that was asked to stop: when its tasks have ended, and not long after.

Celery's pool waits for the results of everything that was handed to it. What was handed over at the moment of the stop
may never begin, and the pool then waits for ever for its end. And a process of the pool that was told to end waits up
to 30 s (billiard's `_ensure_messages_consumed`) until the main process has read its last result, while the main process
waits for its end and reads no more.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import threading
import time
from typing import Any

from celery import bootsteps
from celery.worker import state

logger = logging.getLogger(__name__)

IDLE_SECONDS = 10.0  # without a task that runs, after which there is nothing to wait for
_LOOK_SECONDS = 0.2


class Step(bootsteps.StartStopStep):
    """Watches the pool's end: stopped before the pool is, after everything that takes messages."""

    requires = ("celery.worker.components:Pool",)

    def start(self, parent: Any) -> None:
        """There is something to do at the end only."""

    def stop(self, parent: Any) -> None:
        """See `end_when_idle`."""
        threading.Thread(target=end_when_idle, name="soft-stop", daemon=True).start()


def end_when_idle() -> None:
    """End this process when no task of its pool has run for some seconds; the pool's processes end with it."""
    idle_since = time.monotonic()
    while time.monotonic() - idle_since < IDLE_SECONDS:
        time.sleep(_LOOK_SECONDS)
        if state.active_requests:
            idle_since = time.monotonic()
    logger.error("the pool has not ended although no task runs; the worker ends without it")
    faulthandler.dump_traceback(all_threads=True)
    os._exit(0)
