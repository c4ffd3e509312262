"""Has Celery workers leave signs of life in Redis; `replication.insight.workers` shows them.

A worker's main process counts what its pool does (Celery keeps those counters anyway), so a task costs nothing more.
"""

from __future__ import annotations

import os
import time
from collections import deque
from contextlib import suppress
from typing import Any

from celery import bootsteps
from celery.worker import state

from replication.replica import connection, presence
from replication.replica.connection import Error
from replication.replica.presence import Sign

INTERVAL_SECONDS = 3.0
_WINDOW_SECONDS = 60.0  # over which the rate is measured
_DEAF_SECONDS = 10.0  # after Redis did not answer, the worker's loop does not wait for it for this long


class Step(bootsteps.StartStopStep):
    """Leaves a sign every few seconds while the worker's loop turns on a connection to the broker."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, parent: Any, **kwargs: Any) -> None:
        super().__init__(parent, **kwargs)
        self._counts: deque[tuple[float, int]] = deque([(time.monotonic(), 0)])
        self._by_task: dict[str, int] = {}
        self._last_task = ""
        self._asks_again_at = 0.0

    def start(self, parent: Any) -> None:
        """Begin, with each new connection to the broker."""
        with suppress(Error):
            presence.forget_old(connection.hasty_client())
        self._leave(parent)
        parent.timer.call_repeatedly(INTERVAL_SECONDS, self._leave, (parent,))

    def shutdown(self, parent: Any) -> None:
        """Say that this worker ends as it should."""
        with suppress(Error):
            presence.withdraw(connection.hasty_client(), parent.hostname, os.getpid())

    def _leave(self, parent: Any) -> None:
        now = time.monotonic()
        self._count(now)
        if now < self._asks_again_at:
            return
        first_at, first = self._counts[0]
        rate = (self._counts[-1][1] - first) * 60.0 / max(now - first_at, INTERVAL_SECONDS)
        sign = Sign(
            name=parent.hostname,
            pid=os.getpid(),
            queues=[queue.name for queue in parent.task_consumer.queues] if parent.task_consumer else [],
            concurrency=parent.pool.num_processes if parent.pool else 0,
            last_task=self._last_task,
            tasks_per_minute=round(rate, 1),
            seen=time.time(),
        )
        try:
            presence.leave(connection.hasty_client(), sign)
        except Error:
            self._asks_again_at = now + _DEAF_SECONDS

    def _count(self, now: float) -> None:
        """Note how many tasks there were by now, and which kind came last."""
        counts = dict(state.total_count)
        grown = [name for name, count in counts.items() if count > self._by_task.get(name, 0)]
        if grown:
            # Sweeps come every few seconds: anything else says more.
            self._last_task = min(grown, key=lambda name: (name.endswith(".sweep"), name))
        self._by_task = counts
        self._counts.append((now, sum(counts.values())))
        while len(self._counts) > 2 and now - self._counts[0][0] > _WINDOW_SECONDS:
            self._counts.popleft()
