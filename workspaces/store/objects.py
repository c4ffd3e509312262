"""Objects as rows: how they are read, and the one way in which they are written."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from kcpcache.apimachinery.storage import Collection, Key, Record
from workspaces.store import connecting, locks, rows
from workspaces.store.indexes import IndexEntry, UniqueTaken
from workspaces.store.rows import Written
from workspaces.store.writes import Pending, Transaction

__all__ = [
    "IndexEntry",
    "Pending",
    "Transaction",
    "UniqueTaken",
    "Written",
    "count",
    "exists",
    "find",
    "get",
    "iterate",
    "place",
    "read_many",
    "writing",
]

_CHUNK = 500  # keys in one statement

_present = threading.local()


@contextmanager
def writing(keys: Iterable[Key]) -> Iterator[Transaction]:
    """One atomic writing transaction on the objects with these keys.

    Locks the keys in one global order, reads what they hold, and writes what was collected when the block
    ends. Locks are taken in the order keys, unique values, counter, then nothing that can block; so two
    such blocks inside one outer `atomic()` may deadlock with others on PostgreSQL, and one inside another
    is refused.

    Args:
        keys: every key that is read by `Transaction.get` or written.

    Raises:
        UniqueTaken: another object holds a unique value; nothing is written.
        RuntimeError: a block is open in this thread already.
    """
    if getattr(_present, "is_writing", False):
        raise RuntimeError("a writing transaction is open in this thread: collect all writes in one")
    wanted = dict.fromkeys(keys)
    _present.is_writing = True
    try:
        with locks.writer() as database:
            transaction = Transaction(database, wanted)
            yield transaction
            transaction.flush()
    finally:
        _present.is_writing = False


def get(key: Key) -> Record | None:
    """The object as it is now."""
    with connecting.usable().cursor() as cursor:
        cursor.execute(
            f"SELECT {rows.RECORD_COLUMNS} FROM workspaces_object WHERE {rows.KEY_CONDITION}",  # noqa: S608
            rows.parameters(key),
        )
        row = cursor.fetchone()
    return rows.record(row) if row else None


def read_many(keys: Iterable[Key]) -> dict[Key, Record]:
    """The objects of these keys that exist."""
    wanted = list(dict.fromkeys(keys))
    found: dict[Key, Record] = {}
    with connecting.usable().cursor() as cursor:
        for start in range(0, len(wanted), _CHUNK):
            chunk = wanted[start : start + _CHUNK]
            cursor.execute(
                rows.select_keys(rows.OBJECT_COLUMNS, len(chunk)),
                [part for key in chunk for part in rows.parameters(key)],
            )
            for row in cursor.fetchall():
                record = rows.record(row)
                found[record.key] = record
    return found


def find(index: str, value: str, cluster: str | None = None) -> list[Record]:
    """The objects that are indexed under a value, in one logical cluster or (None) in every one."""
    condition, parameters = "", [index, value]
    if cluster is not None:
        condition = " AND i.cluster = %s"
        parameters.append(cluster)
    with connecting.usable().cursor() as cursor:
        cursor.execute(
            f"SELECT {rows.OBJECT_COLUMNS} FROM workspaces_index i"  # noqa: S608 - constants
            " JOIN workspaces_object o ON o.id = i.object_id"
            f' WHERE i."index" = %s AND i.value = %s{condition}'
            " ORDER BY o.cluster, o.namespace, o.name",
            parameters,
        )
        found = cursor.fetchall()
    return [rows.record(row) for row in found]


def exists(collection: Collection) -> bool:
    """Whether the collection has any object."""
    condition, parameters = rows.in_collection(collection)
    with connecting.usable().cursor() as cursor:
        cursor.execute(f"SELECT 1 FROM workspaces_object WHERE {condition} LIMIT 1", parameters)  # noqa: S608
        return cursor.fetchone() is not None


def count(collection: Collection, *, using: str = "default") -> int:
    """How many objects the collection has; `using` ``snapshot`` counts as of an open snapshot."""
    condition, parameters = rows.in_collection(collection)
    with connecting.usable(using).cursor() as cursor:
        cursor.execute(f"SELECT COUNT(*) FROM workspaces_object WHERE {condition}", parameters)  # noqa: S608
        return int(cursor.fetchone()[0])


def place(key: Key) -> str:
    """Where in a collection of one cluster an object stands: ``namespace/name``, or the bare name."""
    return f"{key.namespace}/{key.name}" if key.namespace else key.name


def iterate(
    collection: Collection, *, after: str | None, limit: int, until: str | None = None, using: str = "default"
) -> list[Record]:
    """The next `limit` objects of a collection of one cluster, by (namespace, name).

    Args:
        after: the `place` behind which to begin, None for the beginning.
        until: the last `place` that is wanted, None for all.
        using: ``snapshot`` reads inside an open snapshot.
    """
    condition, parameters = rows.in_collection(collection)
    for bound, operator in ((after, ">"), (until, "<=")):
        if bound is not None:
            namespace, _, name = bound.rpartition("/")
            condition += f" AND (namespace, name) {operator} (%s, %s)"
            parameters += [namespace, name]
    with connecting.usable(using).cursor() as cursor:
        cursor.execute(
            f"SELECT {rows.RECORD_COLUMNS} FROM workspaces_object WHERE {condition}"  # noqa: S608 - constants
            " ORDER BY namespace, name LIMIT %s",
            [*parameters, limit],
        )
        found = cursor.fetchall()
    return [rows.record(row) for row in found]
