"""How writers wait for each other: in a queue on SQLite, by striped advisory locks on PostgreSQL.

SQLite has one writer at a time and lets the others poll; so the writers of one process queue, first come, first
served, before they begin, and the first of each process takes turns with those of the others (see `store.turns`).
On PostgreSQL a writer locks what it writes in one global order, so writers of different objects meet only at the
counter.
"""

from __future__ import annotations

import os
import threading
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import OperationalError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from workspaces.store import connecting
from workspaces.store.turns import Turns

# Locks are striped, so that a transaction of any size takes a bounded part of PostgreSQL's lock table; two
# objects that share a stripe wait for each other for one commit, rarely.
STRIPES = 4096
KEYS = 0x6B6370_00
UNIQUE_VALUES = 0x6B6370_01


class FairLock:
    """A mutual exclusion that serves in the order of arrival."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._held = False
        self._waiting: deque[threading.Lock] = deque()

    def acquire(self) -> None:
        """Wait for one's turn."""
        with self._guard:
            if not self._held:
                self._held = True
                return
            turn = threading.Lock()
            turn.acquire()
            self._waiting.append(turn)
        turn.acquire()

    def release(self) -> None:
        """Hand over to whoever waits longest."""
        with self._guard:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._held = False


class SQLiteQueue:
    """Who writes to one SQLite file, among the threads of this process and among processes."""

    def __init__(self, database: str) -> None:
        self.turns = Turns(database)
        self._threads = FairLock()
        self._has_turn = False

    def acquire(self) -> None:
        """Wait for one's turn."""
        self._threads.acquire()
        try:
            self._has_turn = self.turns.take()
        except BaseException:
            self._threads.release()
            raise

    def release(self) -> None:
        """Hand over."""
        try:
            if self._has_turn:
                self.turns.give_back()
        finally:
            self._has_turn = False
            self._threads.release()


_sqlite_queues: dict[str, SQLiteQueue] = {}


def _renew() -> None:
    for queue in _sqlite_queues.values():
        queue.turns.close()  # a lock on a file that was opened before a fork belongs to both
    _sqlite_queues.clear()


os.register_at_fork(after_in_child=_renew)  # a lock held by a thread of the parent is never released


def _sqlite_queue(connection: BaseDatabaseWrapper) -> SQLiteQueue:
    database = str(connection.settings_dict["NAME"])
    return _sqlite_queues.get(database) or _sqlite_queues.setdefault(database, SQLiteQueue(database))


@contextmanager
def writer(*, savepoint: bool = True) -> Iterator[BaseDatabaseWrapper]:
    """One writing transaction on the database `default`; inside an outer one, a savepoint or a part of it.

    The queue is left right after the commit, before `on_commit` hooks run: a slow hook delays its own
    request, not the other writers.
    """
    connection = connecting.usable()
    if connection.vendor != "sqlite" or connection.in_atomic_block:
        with transaction.atomic(savepoint=savepoint):
            yield connection
        return
    lock = _sqlite_queue(connection)
    lock.acquire()
    held = [lock]

    def leave() -> None:
        if held:
            held.pop().release()

    try:
        with transaction.atomic():
            transaction.on_commit(leave)
            yield connection
    finally:
        leave()


@contextmanager
def turn() -> Iterator[None]:
    """A place among the writers of SQLite for a statement that commits by itself; PostgreSQL needs none.

    Whoever has it must not ask for another, nor for `writer`.
    """
    connection = connecting.usable()
    if connection.vendor != "sqlite" or connection.in_atomic_block:
        yield
        return
    queue = _sqlite_queue(connection)
    queue.acquire()
    try:
        yield
    finally:
        queue.release()


@contextmanager
def shared() -> Iterator[Callable[[], None]]:
    """One transaction for several writes on SQLite, each of which is a savepoint of it.

    The value, called after each, raises OperationalError when SQLite has given up the whole transaction, as it does
    when the disk is full: what would follow were no part of it.
    """
    with writer() as database:

        def check() -> None:
            if database.needs_rollback or not database.connection.in_transaction:
                raise OperationalError("the transaction was rolled back")

        yield check


def stripe(*parts: str) -> int:
    """The stripe of a key or value: the same in every process."""
    return zlib.crc32("\0".join(parts).encode()) % STRIPES


def statement(space: int, stripes: Iterable[int]) -> tuple[str, list[Any]]:
    """PostgreSQL's statement that locks stripes until the transaction ends, in ascending order."""
    return (
        "SELECT pg_advisory_xact_lock(%s, stripe) FROM unnest(%s::int[]) AS stripe",
        [space, sorted(set(stripes))],
    )
