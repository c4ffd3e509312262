"""Sends Celery messages from a thread, so that a broker that is slow or away never delays or fails a write.

Hints with the same key are merged while they wait. A hint that cannot be sent is dropped: the work it hints at is
noted in the database, and the sweep finds it.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import celery

from kcpcache import correlation, demand, outage

logger = logging.getLogger(__name__)

_SPACING_SECONDS = 0.02  # between two messages of one key: a burst of writes is one message
_PAUSE_SECONDS = 1.0  # after a failure
_FLUSH_SECONDS = 1.0  # at the end of the process


class Hint(NamedTuple):
    """One message; with `merges` it is not sent while enough of the same task wait (`kcpcache.demand`)."""

    task: str
    args: tuple[Any, ...]
    merges: bool = False
    headers: dict[str, str] = {}


def send(hint: Hint) -> None:
    """Send one message, without retry; raises whatever a broker that is away makes its client raise."""
    app = celery.current_app
    with app.producer_or_acquire() as producer:
        if not hint.merges or demand.ask(producer.channel, hint.task):
            app.send_task(
                hint.task,
                args=hint.args,
                headers=hint.headers,
                producer=producer,
                retry=False,
                ignore_result=True,
            )


class Publisher:
    """The thread of one process; it starts with the first hint."""

    def __init__(self, send: Callable[[Hint], None] = send) -> None:
        self._send = send
        self._lock = threading.Lock()
        self._pending: dict[str, Hint] = {}
        self._due_at: dict[str, float] = {}  # of what is pending and not to be sent before
        self._sent_at: dict[str, float] = {}
        self._wake = threading.Event()
        self._idle = threading.Event()
        self._idle.set()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def publish(self, key: str, hint: Hint, delay_seconds: float = 0.0) -> None:
        """See `hints.publish`."""
        with self._lock:
            due_at = time.monotonic() + delay_seconds
            # The earlier of two times: a hint that waits is not put off by those that come after it.
            self._due_at[key] = min(due_at, self._due_at[key]) if key in self._pending else due_at
            self._pending[key] = hint
            self._idle.clear()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="hints", daemon=True)
                self._thread.start()
        self._wake.set()

    def flush(self, timeout_seconds: float) -> None:
        """Wait until what is pending was sent or given up."""
        self._closing.set()
        self._wake.set()
        if self._thread is not None:
            self._idle.wait(timeout_seconds)
        self._closing.clear()

    def _run(self) -> None:
        pause_seconds: float | None = None
        while True:
            self._wake.wait(pause_seconds)
            self._wake.clear()
            was_sent = self._send_all(self._take())
            with self._lock:
                pause_seconds = self._pause_seconds()
                if pause_seconds is None:
                    self._idle.set()
            if not was_sent:
                self._closing.wait(_PAUSE_SECONDS)

    def _pause_seconds(self) -> float | None:
        """How long to wait for what is pending; None when nothing is."""
        if not self._pending:
            return None
        return max(_SPACING_SECONDS, min(self._due_at[key] for key in self._pending) - time.monotonic())

    def _take(self) -> list[Hint]:
        """The pending hints that are due and whose key was not sent a moment ago."""
        now = time.monotonic()
        with self._lock:
            self._sent_at = {key: at for key, at in self._sent_at.items() if at + _SPACING_SECONDS > now}
            is_closing = self._closing.is_set()
            keys = [
                key
                for key in self._pending
                if is_closing or (key not in self._sent_at and self._due_at[key] <= now)
            ]
            self._sent_at |= dict.fromkeys(keys, now)
            return [self._pending.pop(key) for key in keys]

    def _send_all(self, batch: list[Hint]) -> bool:
        sent_count = 0
        try:
            for hint in batch:
                self._send(hint)
                sent_count += 1
        except Exception as error:  # whatever a broker does, the hint is only a hint
            _count_lost(len(batch) - sent_count)
            if not outage.noted(error, outage.BROKER):
                logger.debug("hint not sent: %s", error)
            return False
        return True


_publisher = Publisher()
_lost_count = 0  # since `take_lost_count`


def take_lost_count() -> int:
    """How many hints of this process could not be sent since this was asked last."""
    global _lost_count
    count, _lost_count = _lost_count, 0
    return count


def _count_lost(count: int) -> None:
    global _lost_count
    _lost_count += count


def publish(
    task_name: str, args: tuple[Any, ...], key: str, *, merges: bool = False, delay_seconds: float = 0.0
) -> None:
    """Ask for a task soon. Returns at once; hints of one `key` that wait together become one message.

    With `merges`, for a task without arguments, few messages wait at the broker while no worker comes. With a delay
    it is sent then, or earlier when an earlier one of its key waits or the process ends.
    """
    _publisher.publish(key, Hint(task_name, args, merges, correlation.headers()), delay_seconds)


def flush(timeout_seconds: float = _FLUSH_SECONDS) -> None:
    """Wait a little for what is pending; a process that ends calls it by itself."""
    _publisher.flush(timeout_seconds)


def _renew() -> None:
    global _publisher
    _publisher = Publisher()


os.register_at_fork(after_in_child=_renew)  # threads and held locks of the parent do not survive a fork
atexit.register(flush)
