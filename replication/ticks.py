"""Has beat leave signs of life in Redis; `replication.insight.workers` shows them."""

from __future__ import annotations

import time
from typing import Any

from celery import signals

from replication.replica import connection, presence
from replication.replica.connection import Error

_INTERVAL_SECONDS = 1.5  # at least this long between two signs, however many tasks are sent
_DEAF_SECONDS = 10.0  # after Redis did not answer, beat does not wait for it for this long

_next_at = 0.0


def connect() -> None:
    """Called once, when Django has loaded its models; only beat's process does anything about it."""
    signals.beat_init.connect(_follow, dispatch_uid="replication.ticks")


def _follow(**_: Any) -> None:
    """From here on each task that this process sends is a sign of life."""
    signals.after_task_publish.connect(_leave, dispatch_uid="replication.ticks")


def _leave(**_: Any) -> None:
    global _next_at
    now = time.monotonic()
    if now < _next_at:
        return
    _next_at = now + _INTERVAL_SECONDS
    try:
        presence.tick(connection.hasty_client())
    except Error:
        _next_at = now + _DEAF_SECONDS
