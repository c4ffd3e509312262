"""Lists at any revision the log still reaches: what is stored now, with later changes undone."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.db import connections

from kcpcache.apimachinery import objects as api_objects
from kcpcache.apimachinery.storage import Collection, Key, ListOptions, Page, Record
from workspaces.store import rows
from workspaces.store.snapshot import ALIAS

_CHUNK = 1000  # objects in one statement
_UNDO_CHUNK = 200  # former states in one statement

_Place = tuple[str, str, str]  # cluster, namespace, name: the order of lists


@dataclass(frozen=True, slots=True)
class _Touched:
    """What happened to one object after the revision that is listed."""

    first_revision: int
    existed: bool
    exists: bool


def page(collection: Collection, options: ListOptions, revision: int, newest: int) -> Page:
    """The objects as of a revision, inside an open snapshot whose revision is `newest`."""
    touched = _touched_since(collection, options, revision) if revision < newest else {}
    present = _present(collection, options, excluded=touched)
    former = _former({place: change for place, change in touched.items() if change.existed})
    merged: Iterable[Record] = heapq.merge(present, former, key=_place) if touched else present
    if options.matches is not None:
        merged = filter(options.matches, merged)
    if not options.limit:
        return Page(revision, list(merged))
    records = list(islice(merged, options.limit + 1))
    if len(records) <= options.limit:
        return Page(revision, records)
    last = _place(records[options.limit - 1])
    remaining = _count_behind(collection, options, last, touched) if options.matches is None else None
    return Page(revision, records[: options.limit], next_start=last, remaining=remaining)


def _place(record: Record) -> _Place:
    return (record.key.cluster, record.key.namespace, record.key.name)


def _condition(
    collection: Collection, options: ListOptions, start_after: _Place | None
) -> tuple[str, list[Any]]:
    condition, values = rows.in_collection(collection)
    parameters: list[Any] = [*values]
    for column, value in (("namespace", options.namespace), ("name", options.name)):
        if value:
            condition += f" AND {column} = %s"
            parameters.append(value)
    if start_after is not None and collection.cluster == "*":
        condition += " AND (cluster, namespace, name) > (%s, %s, %s)"
        parameters += start_after
    elif start_after is not None:
        condition += " AND (namespace, name) > (%s, %s)"
        parameters += start_after[1:]
    return condition, parameters


def _present(
    collection: Collection, options: ListOptions, excluded: dict[_Place, _Touched]
) -> Iterator[Record]:
    """The stored objects in order, without those that changed since."""
    size = min(options.limit + 1, _CHUNK) if options.limit and options.matches is None else _CHUNK
    start_after = options.start_after
    while True:
        condition, parameters = _condition(collection, options, start_after)
        with connections[ALIAS].cursor() as cursor:
            cursor.execute(
                f"SELECT {rows.RECORD_COLUMNS} FROM workspaces_object WHERE {condition}"  # noqa: S608 - constants
                " ORDER BY cluster, namespace, name LIMIT %s",
                [*parameters, size],
            )
            found = cursor.fetchall()
        for row in found:
            start_after = (row[0], row[4], row[5])
            if start_after not in excluded:
                yield rows.record(row)
        if len(found) < size:
            return


def _touched_since(collection: Collection, options: ListOptions, revision: int) -> dict[_Place, _Touched]:
    condition, parameters = _condition(collection, options, options.start_after)
    touched: dict[_Place, _Touched] = {}
    with connections[ALIAS].cursor() as cursor:
        cursor.execute(
            f"SELECT cluster, namespace, name, kind, revision FROM workspaces_change WHERE {condition}"  # noqa: S608
            " AND revision > %s ORDER BY revision",
            [*parameters, revision],
        )
        for cluster, namespace, name, kind, changed_at in cursor.fetchall():
            place = (cluster, namespace, name)
            first = touched.get(place) or _Touched(changed_at, existed=kind != "A", exists=True)
            touched[place] = _Touched(first.first_revision, first.existed, exists=kind != "D")
    return touched


def _former(changed: dict[_Place, _Touched]) -> Iterator[Record]:
    """The states before the first change since, in order."""
    places = sorted(changed)
    for start in range(0, len(places), _UNDO_CHUNK):
        revisions = [changed[place].first_revision for place in places[start : start + _UNDO_CHUNK]]
        marks = ", ".join(["%s"] * len(revisions))
        with connections[ALIAS].cursor() as cursor:
            cursor.execute(
                f"SELECT {rows.KEY_COLUMNS}, previous, previous_labels FROM workspaces_change"  # noqa: S608
                f" WHERE revision IN ({marks}) ORDER BY cluster, namespace, name",
                revisions,
            )
            found = cursor.fetchall()
        for row in found:
            key = Key(*row[:6])
            body = rows.plain(key, row[6])
            revision = int(api_objects.resource_version(api_objects.decode(body)))
            yield Record(key, revision, body, rows.parsed_labels(row[7]))


def _count_behind(
    collection: Collection, options: ListOptions, last: _Place, touched: dict[_Place, _Touched]
) -> int:
    """How many objects lay behind a place at the revision that is listed."""
    condition, parameters = _condition(collection, options, last)
    with connections[ALIAS].cursor() as cursor:
        cursor.execute(f"SELECT COUNT(*) FROM workspaces_object WHERE {condition}", parameters)  # noqa: S608
        count = int(cursor.fetchone()[0])
    return count + sum(change.existed - change.exists for place, change in touched.items() if place > last)
