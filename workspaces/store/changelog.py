"""The append-only log of changes, and how far back it reaches.

A reader who stands at revision R is served while R is not before the compacted revision. Rows and the
compacted revision are read by one statement, so no row can vanish between the two.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kcpcache.apimachinery import errors
from kcpcache.apimachinery.storage import Collection, Event, Key
from workspaces.store import connecting, revisions, rows
from workspaces.store.revisions import Revisions
from workspaces.store.rows import Written

_TYPES = {"A": "ADDED", "M": "MODIFIED", "D": "DELETED"}


@dataclass(frozen=True, slots=True)
class Batch:
    """Changes in order, and the revisions at the same moment.

    `reached` is how far a reader of it has come: everything up to it was either in the batch or is not
    in the collection. `unreadable` are the keys of changes that were left out, if the reader asked for that.
    """

    changes: list[Written]
    revisions: Revisions
    reached: int
    unreadable: list[Key] = field(default_factory=list)


def batch_after(
    revision: int,
    *,
    limit: int,
    collection: Collection | None = None,
    until: int | None = None,
    using: str = "default",
    skips_unreadable: bool = False,
) -> Batch:
    """The next changes after a revision, read in one statement.

    Args:
        revision: where the reader stands.
        limit: how many changes at most.
        collection: keeps only its changes; with cluster ``*`` those of every cluster.
        until: the last revision that is wanted.
        using: the database alias.
        skips_unreadable: leaves out what cannot be decrypted, for a reader who serves others besides.

    Raises:
        Expired: the revision lies before the compacted one.
        InternalError: a change cannot be decrypted, and is not to be left out.
    """
    conditions = ["revision > %s"]
    parameters: list[Any] = [revision]
    if until is not None:
        conditions.append("revision <= %s")
        parameters.append(until)
    if collection is not None:
        condition, values = rows.in_collection(collection)
        conditions.append(condition)
        parameters += values
    with connecting.usable(using).cursor() as cursor:
        cursor.execute(
            f"SELECT {rows.CHANGE_COLUMNS}, c.value, c.discovery, c.compacted"  # noqa: S608 - constants
            " FROM workspaces_counter c LEFT JOIN"
            f" (SELECT {rows.CHANGE_COLUMNS} FROM workspaces_change WHERE {' AND '.join(conditions)}"
            " ORDER BY revision LIMIT %s) AS change ON 1 = 1"
            " WHERE c.id = 1 ORDER BY revision",
            [*parameters, limit],
        )
        found = cursor.fetchall()
    now = Revisions(*found[0][13:]) if found else revisions.BEGINNING
    if revision < now.compacted:
        raise errors.expired_resource_version(revision, now.compacted)
    logged = [row for row in found if row[6] is not None]
    if len(logged) == limit:
        reached = logged[-1][6]
    else:
        reached = max(revision, now.value if until is None else min(until, now.value))
    changes: list[Written] = []
    unreadable: list[Key] = []
    for row in logged:
        try:
            changes.append(rows.written(row))
        except errors.InternalError:
            if not skips_unreadable:
                raise
            unreadable.append(Key(*row[:6]))
    return Batch(changes, now, reached, unreadable)


def read_after(
    revision: int, *, limit: int, collection: Collection | None = None, until: int | None = None
) -> list[Written]:
    """At most `limit` changes after a revision, in order; Expired when it lies before the compacted one.

    `collection` keeps only its changes (cluster ``*``: those of every cluster), `until` ends with that
    revision.
    """
    return batch_after(revision, limit=limit, collection=collection, until=until).changes


@dataclass(frozen=True, slots=True)
class Relabelling:
    """What a change did to its object's labels: None where there was, or is, no object."""

    revision: int
    name: str
    before: Mapping[str, str] | None
    after: Mapping[str, str] | None


def labels_after(
    revision: int, *, limit: int, collection: Collection, until: int | None = None
) -> list[Relabelling]:
    """As `read_after`, of names and labels alone: bodies are neither read nor decrypted."""
    condition, values = rows.in_collection(collection)
    parameters: list[Any] = [revision, *values]
    if until is not None:
        condition += " AND revision <= %s"
        parameters.append(until)
    with connecting.usable().cursor() as cursor:
        cursor.execute(
            "SELECT c.compacted, change.revision, name, kind, labels, previous_labels"  # noqa: S608 - constants
            " FROM workspaces_counter c LEFT JOIN"
            " (SELECT revision, name, kind, labels, previous_labels FROM workspaces_change"
            f" WHERE revision > %s AND {condition} ORDER BY revision LIMIT %s) AS change ON 1 = 1"
            " WHERE c.id = 1 ORDER BY change.revision",
            [*parameters, limit],
        )
        found = cursor.fetchall()
    if found and revision < found[0][0]:
        raise errors.expired_resource_version(revision, found[0][0])
    return [
        Relabelling(
            row[1],
            row[2],
            rows.parsed_labels(row[5] or "") if row[3] != "A" else None,
            rows.parsed_labels(row[4]) if row[3] != "D" else None,
        )
        for row in found
        if row[1] is not None
    ]


def compacted() -> int:
    """The last revision that the log no longer reaches behind."""
    return revisions.newest().compacted


def check(revision: int) -> None:
    """Raise Expired when a reader at this revision has missed changes that are no longer there."""
    oldest = compacted()
    if revision < oldest:
        raise errors.expired_resource_version(revision, oldest)


def event(change: Written) -> Event:
    """A change as watchers get it."""
    return Event(
        type=_TYPES[change.kind],
        revision=change.revision,
        key=change.key,
        body=change.body,
        labels=change.labels,
        previous=change.previous,
        previous_labels=change.previous_labels,
    )
