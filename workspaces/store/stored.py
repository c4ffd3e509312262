"""The rows of the objects that a transaction is about to write."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from django.db.backends.base.base import BaseDatabaseWrapper

from kcpcache.apimachinery.storage import Key, Record
from workspaces.store import locks, rows
from workspaces.store.indexes import IndexEntry

_CHUNK = 500  # keys in one statement

_ENTRIES = {
    "postgresql": 'json_agg(json_build_array(i.id, i."index", i.value, i."unique"))::text',
    "sqlite": 'json_group_array(json_array(i.id, i."index", i.value, i."unique"))',
}


@dataclass(frozen=True, slots=True)
class Stored:
    """An object's row as a writer needs it; index entries map to the ids of their rows."""

    record: Record
    uid: str
    entries: dict[IndexEntry, int]


def lock_and_read(database: BaseDatabaseWrapper, keys: Sequence[Key]) -> dict[Key, Stored | None]:
    """Lock keys, all in one global order, and read what they hold then.

    On PostgreSQL both statements go in one round trip; the second has a snapshot of its own, taken when
    every lock is held. (SQLite's writer is alone anyway.)
    """
    if database.vendor != "postgresql" or not keys:
        return read(database, keys)
    lock, parameters = locks.statement(locks.KEYS, (locks.stripe(*rows.parameters(key)) for key in keys))
    if len(keys) > _CHUNK:
        with database.cursor() as cursor:
            cursor.execute(lock, parameters)
        return read(database, keys)
    select, values = _select(database, keys)
    with database.cursor() as cursor:
        cursor.execute(f"{lock}; {select}", [*parameters, *values])
        cursor.nextset()
        return _collected(keys, cursor.fetchall())


def read(database: BaseDatabaseWrapper, keys: Sequence[Key]) -> dict[Key, Stored | None]:
    """What keys hold, None for nothing."""
    found: dict[Key, Stored | None] = {}
    with database.cursor() as cursor:
        for start in range(0, len(keys), _CHUNK):
            chunk = keys[start : start + _CHUNK]
            cursor.execute(*_select(database, chunk))
            found |= _collected(chunk, cursor.fetchall())
    return found


def _select(database: BaseDatabaseWrapper, keys: Sequence[Key]) -> tuple[str, list[Any]]:
    entries = f"SELECT {_ENTRIES[database.vendor]} FROM workspaces_index i WHERE i.object_id = o.id"  # noqa: S608
    columns = f"{rows.OBJECT_COLUMNS}, o.uid, ({entries})"
    if len(keys) == 1:
        statement = f"SELECT {columns} FROM workspaces_object o WHERE {rows.KEY_CONDITION}"  # noqa: S608
    else:
        statement = rows.select_keys(columns, len(keys))
    return statement, [part for key in keys for part in rows.parameters(key)]


def _collected(keys: Sequence[Key], found: Sequence[tuple[Any, ...]]) -> dict[Key, Stored | None]:
    collected: dict[Key, Stored | None] = dict.fromkeys(keys)
    for row in found:
        record = rows.record(row)
        collected[record.key] = Stored(record, row[9], _entries(row[10]))
    return collected


def _entries(text: str | None) -> dict[IndexEntry, int]:
    if not text:
        return {}
    return {
        IndexEntry(index, value, bool(unique)): row_id for row_id, index, value, unique in orjson.loads(text)
    }
