"""Reads over the whole store in a few statements, for the people who run it."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Q
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from kcpcache.apimachinery import objects as api_objects
from kcpcache.apimachinery.objects import JSONObject
from kcpcache.apimachinery.storage import Collection, ListOptions
from workspaces.models import Workspace
from workspaces.store import connecting, listing, rows
from workspaces.store.snapshot import snapshot

_CHUNK = 500  # values in one statement


@dataclass(frozen=True, slots=True)
class Position:
    """Where a reader of one collection stands in the log."""

    collection: Collection
    revision: int


@dataclass(frozen=True, slots=True)
class Backlog:
    """What a reader has not seen: how many changes, and when the oldest of them was made."""

    changes: int = 0
    oldest: datetime.datetime | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why something that is to be reconciled failed the last time."""

    controller: str
    cluster: str
    name: str
    attempts: int
    error: str


def every(group: str, resource: str, cluster: str = "*", limit: int = 0) -> list[tuple[str, JSONObject]]:
    """The objects of a resource of the workspaces' own, each with its logical cluster, in order."""
    collection = Collection(cluster, group, resource)
    with snapshot() as now:
        page = listing.page(collection, ListOptions(limit=limit), now.value, now.value)
    return [(record.key.cluster, api_objects.decode(record.body)) for record in page.records]


def referring(
    index: str, values: Iterable[str], group: str, resource: str, cluster: str | None = None
) -> list[tuple[str, JSONObject]]:
    """The objects of a resource that are indexed under one of some values, each once, with its logical cluster."""
    wanted = sorted(set(values))
    found: dict[tuple[str, str], JSONObject] = {}
    for start in range(0, len(wanted), _CHUNK):
        chunk = wanted[start : start + _CHUNK]
        marks = ", ".join(["%s"] * len(chunk))
        parameters = [index, *chunk, group, resource]
        condition = ""
        if cluster is not None:
            condition = " AND i.cluster = %s"
            parameters.append(cluster)
        with connecting.usable().cursor() as cursor:
            cursor.execute(
                f"SELECT {rows.OBJECT_COLUMNS} FROM workspaces_index i"  # noqa: S608 - constants and counts
                " JOIN workspaces_object o ON o.id = i.object_id"
                f' WHERE i."index" = %s AND i.value IN ({marks}) AND o."group" = %s AND o.resource = %s{condition}',
                parameters,
            )
            records = [rows.record(row) for row in cursor.fetchall()]
        found |= {(each.key.cluster, each.key.name): api_objects.decode(each.body) for each in records}
    return [(key[0], found[key]) for key in sorted(found)]


def paths(clusters: Iterable[str]) -> dict[str, str]:
    """The paths of logical clusters; those that are gone are missing."""
    wanted = set(clusters)
    all_of_them = Workspace.objects.values_list("cluster", "path")
    found = all_of_them.filter(cluster__in=wanted) if len(wanted) <= _CHUNK else all_of_them
    return {cluster: path for cluster, path in found if cluster in wanted}


def clusters(references: Iterable[str]) -> dict[str, str]:
    """The logical clusters behind references, which are paths or names; those that are gone are missing."""
    wanted = {reference for reference in references if reference}
    if len(wanted) <= _CHUNK:
        where = Q(path__in=wanted) | Q(cluster__in=wanted)
        found = list(Workspace.objects.filter(where).values_list("cluster", "path"))
    else:
        found = list(Workspace.objects.values_list("cluster", "path"))
    known = {cluster: cluster for cluster, _ in found} | {path: cluster for cluster, path in found}
    return {reference: known[reference] for reference in wanted if reference in known}


def failures(cluster: str | None = None) -> list[Failure]:
    """What could not be reconciled the last time it was tried."""
    condition, parameters = "", []
    if cluster is not None:
        condition, parameters = " AND cluster = %s", [cluster]
    with connecting.usable().cursor() as cursor:
        cursor.execute(
            "SELECT controller, cluster, name, attempts, error FROM workspaces_work"  # noqa: S608 - constants
            f" WHERE error <> ''{condition} ORDER BY controller, cluster, name",
            parameters,
        )
        return [Failure(*row) for row in cursor.fetchall()]


def waiting() -> int:
    """How many things are noted to be reconciled."""
    with connecting.usable().cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM workspaces_work")
        return int(cursor.fetchone()[0])


def backlogs(positions: Sequence[Position]) -> list[Backlog]:
    """What each reader has not seen, in the order asked; one statement for many readers."""
    found: list[Backlog] = []
    for start in range(0, len(positions), _CHUNK):
        found += _backlogs(positions[start : start + _CHUNK])
    return found


def _backlogs(positions: Sequence[Position]) -> list[Backlog]:
    parameters: list[Any] = []
    for number, position in enumerate(positions):
        collection = position.collection
        parameters += [number, collection.cluster, collection.group, collection.resource]
        parameters += [collection.identity, position.revision]
    marks = ", ".join(["(%s, %s, %s, %s, %s, %s)"] * len(positions))
    # CROSS JOIN makes SQLite begin with the readers; each is then one range of an index.
    with connecting.usable().cursor() as cursor:
        cursor.execute(
            f'WITH reader (number, cluster, "group", resource, identity, revision) AS (VALUES {marks})'  # noqa: S608
            " SELECT r.number, COUNT(*), MIN(c.at) FROM reader r CROSS JOIN workspaces_change c"
            ' WHERE c.cluster = r.cluster AND c."group" = r."group" AND c.resource = r.resource'
            " AND c.identity = r.identity AND c.revision > r.revision GROUP BY r.number",
            parameters,
        )
        counted = {row[0]: Backlog(int(row[1]), _moment(row[2])) for row in cursor.fetchall()}
    return [counted.get(number, Backlog()) for number in range(len(positions))]


def _moment(value: Any) -> datetime.datetime | None:
    """A time as the database's driver gives it; SQLite has text."""
    moment = parse_datetime(value) if isinstance(value, str) else value
    if moment is not None and timezone.is_naive(moment):
        return moment.replace(tzinfo=datetime.UTC)
    return moment
