"""Forgetting old changes."""

from __future__ import annotations

from django.db import connection

from workspaces.store import clock, locks

BATCH = 1000  # rows deleted in one transaction, so that writers wait for milliseconds only


def compact(*, max_age_seconds: int, max_rows: int) -> int:
    """Shorten the log to what is young enough and to a number of rows, keeping at least the newest.

    The compacted revision is moved before any row goes: a reader never finds a hole that the revision does
    not admit, and a crash in between leaves rows that the next run deletes.

    Age is by the database's clock, which also stamped the rows: a worker's own may be wrong.

    Returns:
        How many rows were deleted.
    """
    cut = max(_too_old(max_age_seconds), _too_many(max_rows))
    with locks.writer(), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE workspaces_counter SET compacted = %s WHERE id = 1 AND compacted < %s", [cut, cut]
        )
        cursor.execute("SELECT compacted FROM workspaces_counter WHERE id = 1")
        row = cursor.fetchone()
    return _delete_until(row[0]) if row else 0


def _too_old(max_age_seconds: float) -> int:
    """The last revision of the log's beginning that is old throughout, 0 if there is none.

    Walked from the oldest row, as `at` is only nearly in order: clocks go backwards.
    """
    revision = 0
    with connection.cursor() as cursor:
        while True:
            cursor.execute(
                f"SELECT revision, at < {clock.after()} FROM workspaces_change WHERE revision > %s"  # noqa: S608
                " AND revision < (SELECT MAX(revision) FROM workspaces_change) ORDER BY revision LIMIT %s",
                [-max_age_seconds, revision, BATCH],
            )
            found = cursor.fetchall()
            for candidate, is_old in found:
                if not is_old:
                    return revision
                revision = candidate
            if len(found) < BATCH:
                return revision


def _too_many(max_rows: int) -> int:
    """The newest revision that is beyond the number of rows to keep, 0 if there is none."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT revision FROM workspaces_change ORDER BY revision DESC LIMIT 1 OFFSET %s",
            [max(1, max_rows)],
        )
        row = cursor.fetchone()
    return int(row[0]) if row else 0


def _delete_until(revision: int) -> int:
    deleted = 0
    while True:
        with locks.writer(), connection.cursor() as cursor:
            cursor.execute(
                "DELETE FROM workspaces_change WHERE revision IN (SELECT revision FROM workspaces_change"
                " WHERE revision <= %s AND revision < (SELECT MAX(revision) FROM workspaces_change)"
                " ORDER BY revision LIMIT %s)",
                [revision, BATCH],
            )
            count = int(cursor.rowcount)
        deleted += count
        if count < BATCH:
            return deleted
