"""The append-only log of changes, and how far back it reaches.

A reader who stands at revision R is served while R is not before the compacted revision. Rows and the
compacted revision are read by one statement, so no row can vanish between the two.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kcpcache.apimachinery import errors
from kcpcache.apimachinery.storage import Collection, Event
from workspaces.store import connecting, revisions, rows
from workspaces.store.revisions import Revisions
from workspaces.store.rows import Written

_TYPES = {"A": "ADDED", "M": "MODIFIED", "D": "DELETED"}


@dataclass(frozen=True, slots=True)
class Batch:
    """Changes in order, and the revisions at the same moment.

    `reached` is how far a reader of it has come: everything up to it was either in the batch or is not
    in the collection.
    """

    changes: list[Written]
    revisions: Revisions
    reached: int


def batch_after(
    revision: int,
    *,
    limit: int,
    collection: Collection | None = None,
    until: int | None = None,
    using: str = "default",
) -> Batch:
    """The next changes after a revision, read in one statement.

    Args:
        revision: where the reader stands.
        limit: how many changes at most.
        collection: keeps only its changes; with cluster ``*`` those of every cluster.
        until: the last revision that is wanted.
        using: the database alias.

    Raises:
        Expired: the revision lies before the compacted one.
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
    changes = [rows.written(row) for row in found if row[6] is not None]
    if len(changes) == limit:
        reached = changes[-1].revision
    else:
        reached = max(revision, now.value if until is None else min(until, now.value))
    return Batch(changes, now, reached)


def read_after(
    revision: int, *, limit: int, collection: Collection | None = None, until: int | None = None
) -> list[Written]:
    """At most `limit` changes after a revision, in order; Expired when it lies before the compacted one.

    `collection` keeps only its changes (cluster ``*``: those of every cluster), `until` ends with that
    revision.
    """
    return batch_after(revision, limit=limit, collection=collection, until=until).changes


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
