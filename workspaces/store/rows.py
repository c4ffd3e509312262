"""Between rows and what the rest of the program sees: plain bytes, keys, labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from kcpcache.apimachinery.storage import Collection, Key, Record
from workspaces.store import encryption

# The order of columns in which rows are selected.
KEY_COLUMNS = 'cluster, "group", resource, identity, namespace, name'
KEY_CONDITION = (
    'cluster = %s AND "group" = %s AND resource = %s AND identity = %s AND namespace = %s AND name = %s'
)
RECORD_COLUMNS = f"{KEY_COLUMNS}, revision, labels, body"
OBJECT_COLUMNS = ", ".join(f"o.{column}" for column in RECORD_COLUMNS.split(", "))  # the same, of alias `o`
CHANGE_COLUMNS = f"{KEY_COLUMNS}, revision, kind, uid, labels, body, previous, previous_labels"


@dataclass(frozen=True, slots=True)
class Written:
    """One change: `kind` is A (added), M (modified) or D (deleted).

    `body` is the object after it, for D its last state with the new revision; `previous` the object before
    it, None for A.
    """

    kind: str
    revision: int
    key: Key
    uid: str
    body: bytes
    previous: bytes | None
    labels: Mapping[str, str]
    previous_labels: Mapping[str, str] | None


def parameters(key: Key) -> list[str]:
    """The key's values in the order of `KEY_COLUMNS`."""
    return [key.cluster, key.group, key.resource, key.identity, key.namespace, key.name]


def select_keys(columns: str, count: int) -> str:
    """A statement that reads columns of the objects (alias `o`) with `count` keys, its parameters.

    A join, as SQLite scans the table for a row value ``IN`` many; CROSS JOIN makes it begin with the keys.
    """
    marks = ", ".join(["(%s, %s, %s, %s, %s, %s)"] * count)
    return (
        f"WITH wanted ({KEY_COLUMNS}) AS (VALUES {marks})"  # noqa: S608 - constants and counts
        f" SELECT {columns} FROM wanted w CROSS JOIN workspaces_object o"
        ' WHERE o.cluster = w.cluster AND o."group" = w."group" AND o.resource = w.resource'
        " AND o.identity = w.identity AND o.namespace = w.namespace AND o.name = w.name"
    )


def record(row: Sequence[Any]) -> Record:
    """A row of `RECORD_COLUMNS`."""
    key = Key(*row[:6])
    return Record(key, row[6], plain(key, row[8]), parsed_labels(row[7]))


def written(row: Sequence[Any]) -> Written:
    """A row of `CHANGE_COLUMNS`."""
    key = Key(*row[:6])
    return Written(
        kind=row[7],
        revision=row[6],
        key=key,
        uid=row[8],
        body=plain(key, row[10]),
        previous=None if row[11] is None else plain(key, row[11]),
        labels=parsed_labels(row[9]),
        previous_labels=None if row[12] is None else parsed_labels(row[12]),
    )


def plain(key: Key, body: bytes) -> bytes:
    """A stored body as callers see it."""
    return encryption.decrypt(body) if encryption.is_secret(key.group, key.resource) else body


def parsed_labels(text: str) -> Mapping[str, str]:
    """Labels from their column."""
    if not text:
        return {}
    labels: dict[str, str] = orjson.loads(text)
    return labels


def labels_text(labels: Mapping[str, str]) -> str:
    """Labels for their column."""
    return orjson.dumps(dict(labels)).decode() if labels else ""


def in_collection(collection: Collection) -> tuple[str, list[str]]:
    """The condition that keeps a collection's rows, and its parameters."""
    if collection.cluster == "*":
        return '"group" = %s AND resource = %s AND identity = %s', [
            collection.group,
            collection.resource,
            collection.identity,
        ]
    return 'cluster = %s AND "group" = %s AND resource = %s AND identity = %s', [
        collection.cluster,
        collection.group,
        collection.resource,
        collection.identity,
    ]
