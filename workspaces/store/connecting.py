"""Database connections outlive the requests that use them, so each use mends what an earlier one broke."""

from __future__ import annotations

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper


def usable(alias: str = "default") -> BaseDatabaseWrapper:
    """This thread's connection; opened again if an error has shown that the server hung up.

    Django does this when a request begins, but threads that serve reads, follow the log or run in a pool see
    no such signal. It costs nothing while there was no error.
    """
    connection = connections[alias]
    if connection.errors_occurred and not connection.in_atomic_block:
        connection.close_if_unusable_or_obsolete()
    return connection
