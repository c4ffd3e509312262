"""Reads that see one moment, over several statements."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction

from workspaces.store import connecting, revisions
from workspaces.store.revisions import Revisions

ALIAS = "snapshot"  # a second connection: deferred on SQLite, REPEATABLE READ on PostgreSQL


@contextmanager
def snapshot() -> Iterator[Revisions]:
    """One consistent read transaction on the alias `snapshot`; yields the revisions as of it.

    Everything committed before it began is seen, nothing that commits later. It never blocks a writer and
    sees nothing of a transaction that is open in the same thread.
    """
    connecting.usable(ALIAS)
    with transaction.atomic(using=ALIAS):
        yield revisions.newest(ALIAS)
