"""Counts over all processes of a shard, kept in Redis: what workers see must be seen where `/metrics` is read."""

from __future__ import annotations

import os
import threading
from collections import Counter

from django.conf import settings

from replication.replica import keys
from replication.replica.connection import Client, Error

_lock = threading.Lock()
_unsent: Counter[str] = Counter()  # while Redis does not answer


def add(name: str, count: int = 1) -> None:
    """Count something; costs nothing but memory until `send`."""
    with _lock:
        _unsent[name] += count


def send(client: Client) -> None:
    """Add what this process has counted to what Redis knows; it is kept for the next time if Redis is away."""
    with _lock:
        counted = dict(_unsent)
        _unsent.clear()
    try:
        for name, count in counted.items():
            if count:
                client.hincrby(keys.tallies(settings.KCPCACHE_SHARD), name, count)
                counted[name] = 0
    except Error:
        for name, count in counted.items():
            add(name, count)


def read(client: Client) -> dict[str, int]:
    """All counts since Redis was empty."""
    found: dict[bytes, bytes] = client.hgetall(keys.tallies(settings.KCPCACHE_SHARD))
    return {name.decode(): int(count) for name, count in found.items()}


def _forget() -> None:
    """A child must not send what its parent counted."""
    global _lock
    _lock = threading.Lock()
    _unsent.clear()


os.register_at_fork(after_in_child=_forget)
