"""Values under which objects are found, kept in the transaction that writes the object."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from kcpcache.apimachinery.storage import Key
from workspaces.store import locks, rows


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """One value of one index; a `unique` value is held by one object of a logical cluster only."""

    index: str
    value: str
    unique: bool = False


class UniqueTaken(Exception):
    """Another object of the cluster holds a unique value."""

    def __init__(self, entry: IndexEntry, holder_name: str) -> None:
        super().__init__(f'{entry.index} "{entry.value}" is taken by "{holder_name}"')
        self.entry = entry
        self.holder_name = holder_name


@dataclass(frozen=True, slots=True)
class Replacement:
    """The index rows an operation removes (by id) and adds."""

    key: Key
    removed: Sequence[int]
    added: Sequence[IndexEntry]


def replacement(key: Key, present: dict[IndexEntry, int], wanted: Iterable[IndexEntry]) -> Replacement:
    """What leads from the present rows (entry to row id) to the wanted entries."""
    wanted = dict.fromkeys(wanted)
    return Replacement(
        key,
        removed=[row_id for entry, row_id in present.items() if entry not in wanted],
        added=[entry for entry in wanted if entry not in present],
    )


def claim(connection: BaseDatabaseWrapper, replacements: Sequence[Replacement]) -> None:
    """Lock the unique values that are about to be added and make sure that nobody holds them.

    Raises UniqueTaken. Must come before the revision is taken; values that the same transaction gives up
    are free.
    """
    claims: dict[tuple[str, str, str], tuple[IndexEntry, str]] = {}
    for change in replacements:
        for entry in change.added:
            place = (change.key.cluster, entry.index, entry.value)
            if (
                entry.unique
                and (holder := claims.setdefault(place, (entry, change.key.name)))[0] is not entry
            ):
                raise UniqueTaken(entry, holder[1])
    if not claims:
        return
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(*locks.statement(locks.UNIQUE_VALUES, (locks.stripe(*place) for place in claims)))
    given_up = {row_id for change in replacements for row_id in change.removed}
    for row_id, place, name in _holders(connection, list(claims)):
        if row_id not in given_up:
            raise UniqueTaken(claims[place][0], name)


def _holders(
    connection: BaseDatabaseWrapper, places: list[tuple[str, str, str]]
) -> list[tuple[int, tuple[str, str, str], str]]:
    found = []
    with connection.cursor() as cursor:
        for start in range(0, len(places), 300):
            chunk = places[start : start + 300]
            values = ", ".join(["(%s, %s, %s)"] * len(chunk))
            cursor.execute(
                f'WITH wanted (cluster, "index", value) AS (VALUES {values})'  # noqa: S608 - counts only
                ' SELECT i.id, i.cluster, i."index", i.value, o.name FROM wanted w'
                " CROSS JOIN workspaces_index i JOIN workspaces_object o ON o.id = i.object_id"
                ' WHERE i."unique" AND i.cluster = w.cluster AND i."index" = w."index" AND i.value = w.value',
                [part for place in chunk for part in place],
            )
            found += [(row[0], (row[1], row[2], row[3]), row[4]) for row in cursor.fetchall()]
    return found


def remove(connection: BaseDatabaseWrapper, replacements: Sequence[Replacement]) -> None:
    """Delete the rows that are given up; before `add` and before their objects are deleted."""
    row_ids = [row_id for change in replacements for row_id in change.removed]
    with connection.cursor() as cursor:
        for start in range(0, len(row_ids), 500):
            chunk = row_ids[start : start + 500]
            marks = ", ".join(["%s"] * len(chunk))
            cursor.execute(f"DELETE FROM workspaces_index WHERE id IN ({marks})", chunk)  # noqa: S608


def add(connection: BaseDatabaseWrapper, replacements: Sequence[Replacement]) -> None:
    """Insert the rows that are new; after their objects are stored."""
    parameters: list[list[Any]] = [
        [entry.index, entry.value, entry.unique, *rows.parameters(change.key)]
        for change in replacements
        for entry in change.added
    ]
    if not parameters:
        return
    with connection.cursor() as cursor:
        cursor.executemany(
            'INSERT INTO workspaces_index (object_id, cluster, "index", value, "unique")'  # noqa: S608 - constants
            f" SELECT id, cluster, %s, %s, %s FROM workspaces_object WHERE {rows.KEY_CONDITION}",
            parameters,
        )
