"""What a logical cluster holds: its collections, and objects by uid."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import connection

from kcpcache.apimachinery.storage import Collection, Key
from workspaces.store import rows

_BEGINNING = ("", "", "")


def collections(cluster: str) -> list[Collection]:
    """Every collection of a logical cluster that has an object; its cost is the number of collections."""
    return list(_skipping(cluster))


def _skipping(cluster: str) -> Iterator[Collection]:
    """One index look-up a collection: a DISTINCT would read every row."""
    found: tuple[str, str, str] | None = _next(cluster, _BEGINNING)
    while found is not None:
        yield Collection(cluster, *found)
        found = _next(cluster, found)


def _next(cluster: str, after: tuple[str, str, str]) -> tuple[str, str, str] | None:
    with connection.cursor() as cursor:
        cursor.execute(
            'SELECT "group", resource, identity FROM workspaces_object WHERE cluster = %s'
            ' AND ("group", resource, identity) > (%s, %s, %s) ORDER BY "group", resource, identity LIMIT 1',
            [cluster, *after],
        )
        row = cursor.fetchone()
    return (row[0], row[1], row[2]) if row else None


def clusters_with(group: str, resource: str) -> Iterator[str]:
    """The logical clusters that hold objects of a resource of their own; one index look-up each."""
    cluster: str | None = ""
    while cluster is not None:
        with connection.cursor() as cursor:
            cursor.execute(
                'SELECT cluster FROM workspaces_object WHERE "group" = %s AND resource = %s AND identity = %s'
                " AND cluster > %s ORDER BY cluster LIMIT 1",
                [group, resource, "", cluster],
            )
            row = cursor.fetchone()
        cluster = row[0] if row else None
        if cluster is not None:
            yield cluster


def key_of(cluster: str, uid: str) -> Key | None:
    """The key of the object with a uid, None when it is gone."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {rows.KEY_COLUMNS} FROM workspaces_object WHERE uid = %s AND cluster = %s",  # noqa: S608
            [uid, cluster],
        )
        row = cursor.fetchone()
    return Key(*row) if row else None


def holders(index: str, value: str, cluster: str) -> list[Key]:
    """The keys of the objects that are indexed under a value in one logical cluster."""
    columns = ", ".join(f"o.{column}" for column in rows.KEY_COLUMNS.split(", "))
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {columns} FROM workspaces_index i JOIN workspaces_object o ON o.id = i.object_id"  # noqa: S608
            ' WHERE i.cluster = %s AND i."index" = %s AND i.value = %s ORDER BY o.id',
            [cluster, index, value],
        )
        return [Key(*row) for row in cursor.fetchall()]


def is_indexed(index: str, value: str, cluster: str) -> bool:
    """Whether any object is indexed under a value; one look-up in an index."""
    with connection.cursor() as cursor:
        cursor.execute(
            'SELECT 1 FROM workspaces_index WHERE cluster = %s AND "index" = %s AND value = %s LIMIT 1',
            [cluster, index, value],
        )
        return cursor.fetchone() is not None


def everywhere(index: str, value: str, group: str, resource: str) -> list[Key]:
    """The keys of the objects of one resource that are indexed under a value, in every logical cluster."""
    columns = ", ".join(f"o.{column}" for column in rows.KEY_COLUMNS.split(", "))
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {columns} FROM workspaces_index i JOIN workspaces_object o ON o.id = i.object_id"  # noqa: S608
            ' WHERE i."index" = %s AND i.value = %s AND o."group" = %s AND o.resource = %s ORDER BY o.id',
            [index, value, group, resource],
        )
        return [Key(*row) for row in cursor.fetchall()]
