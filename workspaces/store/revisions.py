"""The revision of the whole store: given inside the writing transaction, in the order of commits.

The counter is one row. A writer updates it last and holds it until it has committed, so no reader at
revision n can later meet a smaller one, and a rolled-back transaction gives its revisions back.
"""

from __future__ import annotations

from typing import NamedTuple

from django.db import connection
from django.db.backends.utils import CursorWrapper

from workspaces.store import connecting, locks


class Revisions(NamedTuple):
    """The newest revision, the newest that changed what some workspace serves, and the compacted one."""

    value: int
    discovery: int
    compacted: int


# A store without the row is one where nothing was written yet: the first revision is 1, as in etcd.
BEGINNING = Revisions(1, 0, 0)


def newest(using: str = "default") -> Revisions:
    """The revisions as of now, by one look-up of one row.

    `using` is the database alias: `snapshot` sees them as of its snapshot.
    """
    with connecting.usable(using).cursor() as cursor:
        cursor.execute("SELECT value, discovery, compacted FROM workspaces_counter WHERE id = 1")
        row = cursor.fetchone()
    return Revisions(*row) if row else BEGINNING


def take(count: int, *, discovery: bool) -> int:
    """Take `count` revisions inside the present transaction and return the first of them.

    Locks the counter until the transaction ends: nothing that can block may follow.
    """
    with connection.cursor() as cursor:
        while (last := _advance(cursor, count, discovery)) is None:
            cursor.execute(
                "INSERT INTO workspaces_counter (id, value, discovery, compacted) VALUES (1, %s, %s, %s)"
                " ON CONFLICT DO NOTHING",
                list(BEGINNING),
            )
    return last - count + 1


def _advance(cursor: CursorWrapper, count: int, discovery: bool) -> int | None:
    cursor.execute(
        "UPDATE workspaces_counter SET value = value + %s,"
        " discovery = CASE WHEN %s THEN value + %s ELSE discovery END WHERE id = 1 RETURNING value",
        [count, discovery, count],
    )
    row = cursor.fetchone()
    return row[0] if row else None


def reserve(count: int) -> int:
    """Take `count` revisions that no object will carry, in a short transaction; returns the first."""
    with locks.writer():
        return take(count, discovery=False)


def jump_above(mark: int) -> int:
    """Make every revision so far, and every one up to `mark`, count as compacted; returns the new value.

    For a database that was restored from a backup: readers who saw what the backup does not know must list
    again, and no revision may mean two things.
    """
    with locks.writer(), connection.cursor() as cursor:
        first = take(1, discovery=True)
        value = max(first, mark + 1)
        cursor.execute(
            "UPDATE workspaces_counter SET value = %s, discovery = %s, compacted = %s WHERE id = 1",
            [value, value, value],
        )
    return value
