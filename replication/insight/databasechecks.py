"""Checks of the database and what lies in it."""

from __future__ import annotations

import time
from functools import cache

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from replication.insight.check import Check
from workspaces.store import revisions, sealed

_SLOW_SECONDS = 0.5
_REMEMBERED_SECONDS = 30.0
_SECRETS = 1000  # tried at once


def database() -> Check:
    """That it answers, and quickly; and on SQLite that readers do not wait for writers."""
    began = time.monotonic()
    try:
        revision = revisions.newest().value
    except DatabaseError as error:
        message = f"The database does not answer: {str(error).splitlines()[0].rstrip('.')}."
        return Check(
            "database", False, message, "Start it, or correct DATABASE_URL; then run manage.py prepare."
        )
    seconds = time.monotonic() - began
    message = f"{connection.display_name} answers, at revision {revision}."
    if seconds > _SLOW_SECONDS:
        return Check("database", False, f"{message} It took {seconds:.1f} s.", "See what keeps it busy.")
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA journal_mode")
            mode = str(cursor.fetchone()[0])
        if mode != "wal":
            remedy = "Put the data directory on a local disk: WAL does not work on network file systems."
            return Check("database", False, f"{message} Its journal mode is {mode}, not WAL.", remedy)
        message = f"{message} WAL is on."
    return Check("database", True, message)


def migrations() -> Check:
    """That the tables are those of this release."""
    count = _pending(int(time.monotonic() / _REMEMBERED_SECONDS))
    if count:
        return Check("migrations", False, f"{count} migrations are pending.", "Run manage.py prepare.")
    return Check("migrations", True, "The tables are those of this release.")


@cache
def _pending(_moment: int) -> int:
    """How many migrations are to be run; it reads all migration files, so the answer is kept for a while."""
    _pending.cache_clear()
    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def encryption_keys() -> Check:
    """That the stored Secrets can be read with the keys that are configured."""
    moment = int(time.monotonic() / _REMEMBERED_SECONDS)
    found = _opened(moment, tuple(settings.KCPCACHE_ENCRYPTION_KEYS), connection.settings_dict["NAME"])
    if found.unreadable:
        message = (
            f"{found.unreadable} of {found.tried} Secrets were encrypted with a key that is not configured."
        )
        remedy = "Put the former key back into KCPCACHE_ENCRYPTION_KEYS, behind the new one."
        return Check("encryption keys", False, message, remedy)
    message = f"Secrets can be read ({found.tried} tried)." if found.tried else "There is no Secret yet."
    return Check("encryption keys", True, message)


@cache
def _opened(_moment: int, _keys: tuple[str, ...], _database: str) -> sealed.Trial:
    """Decrypting a thousand takes a moment, so the answer is kept for a while."""
    _opened.cache_clear()
    return sealed.trial(_SECRETS)
