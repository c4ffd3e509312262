"""What is needed of every object of a resource, decoded once for each revision of an object and process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from kcpcache.apimachinery import objects as api_objects
from kcpcache.apimachinery.objects import JSONObject
from kcpcache.apimachinery.storage import Record
from workspaces.store import connecting, rows

T = TypeVar("T")

_CHUNK = 500  # objects that are read one by one; more are read all at once
_OF_RESOURCE = "\"group\" = %s AND resource = %s AND identity = ''"


@dataclass(frozen=True, slots=True)
class _Seen(Generic[T]):
    uid: str
    revision: int
    value: T


class Projection(Generic[T]):
    """A small value made of each object of a resource of the workspaces' own.

    Reading ten thousand rows takes milliseconds, decoding their bodies a third of a second: bodies are read only of
    what changed. A value belongs to an object's uid and revision, so nothing has to be invalidated.
    """

    def __init__(self, group: str, resource: str, project: Callable[[str, JSONObject], T]) -> None:
        self._group, self._resource, self._project = group, resource, project
        self._seen: dict[int, _Seen[T]] = {}  # by id; replaced as a whole, so that threads need no lock

    def all(self) -> list[T]:
        """The values of all objects, ordered by logical cluster and name; two statements at most."""
        with connecting.usable().cursor() as cursor:
            cursor.execute(
                f"SELECT id, uid, revision FROM workspaces_object WHERE {_OF_RESOURCE}"  # noqa: S608 - constants
                " ORDER BY cluster, namespace, name",
                [self._group, self._resource],
            )
            there = cursor.fetchall()
        before = self._seen
        new = [
            id
            for id, uid, revision in there
            if (seen := before.get(id)) is None or (seen.uid, seen.revision) != (uid, revision)
        ]
        read = self._read(new) if new else {}
        # What went between the two statements is left out.
        self._seen = {id: seen for id, *_ in there if (seen := read.get(id) or before.get(id)) is not None}
        return [seen.value for seen in self._seen.values()]

    def _read(self, ids: list[int]) -> dict[int, _Seen[T]]:
        condition, parameters = _OF_RESOURCE, [self._group, self._resource]
        if len(ids) <= _CHUNK:
            condition += f" AND id IN ({', '.join(str(id) for id in ids)})"
        with connecting.usable().cursor() as cursor:
            cursor.execute(
                f"SELECT id, uid, {rows.RECORD_COLUMNS} FROM workspaces_object WHERE {condition}",  # noqa: S608
                parameters,
            )
            return {id: self._made(uid, rows.record(record)) for id, uid, *record in cursor}

    def _made(self, uid: str, record: Record) -> _Seen[T]:
        value = self._project(record.key.cluster, api_objects.decode(record.body))
        return _Seen(uid, record.revision, value)
