"""Reads for people who look at single objects: what kinds there are, an object's history, and its Events.

Each is one statement over a range of an index, however many objects there are.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime

from kcpcache.apimachinery import objects as api_objects
from kcpcache.apimachinery.objects import JSONObject
from kcpcache.apimachinery.storage import Key
from workspaces.store import connecting, encryption, rows

_REACH = 20_000  # changes of a collection among which an object's are looked for
_KINDS = 300


@dataclass(frozen=True, slots=True)
class PastChange:
    """A change of one object. Bodies are left out (None) where the object is a secret."""

    revision: int
    kind: str  # A, M or D
    at: datetime.datetime
    body: bytes | None
    previous: bytes | None


def kinds(cluster: str = "") -> list[tuple[str, str]]:
    """Group and resource of everything that is stored, in one logical cluster or in all; the first few hundred."""
    where, parameters = ("cluster = %s AND", [cluster]) if cluster else ("", [])
    order = 'ORDER BY "group", resource LIMIT 1'
    first = f"SELECT id FROM workspaces_object WHERE {where} 1 = 1 {order}"  # noqa: S608 - constants
    following = (
        f"SELECT o.id FROM workspaces_object o WHERE {where} "  # noqa: S608 - constants
        '(o."group", o.resource) > (SELECT p."group", p.resource FROM workspaces_object p WHERE p.id = found.id) '
        f'ORDER BY o."group", o.resource LIMIT 1'
    )
    with connecting.usable().cursor() as cursor:
        cursor.execute(
            f"WITH RECURSIVE found (id) AS (SELECT ({first}) UNION ALL SELECT ({following}) FROM found"  # noqa: S608
            ' WHERE found.id IS NOT NULL) SELECT o."group", o.resource FROM found'
            " JOIN workspaces_object o ON o.id = found.id LIMIT %s",
            [*parameters, *parameters, _KINDS],
        )
        return [(group, resource) for group, resource in cursor.fetchall()]


def history(key: Key, limit: int) -> list[PastChange]:
    """The newest changes of an object, among the last 20,000 of its collection that the log still holds."""
    collection = 'cluster = %s AND "group" = %s AND resource = %s AND identity = %s'
    values = [key.cluster, key.group, key.resource, key.identity]
    is_secret = encryption.is_secret(key.group, key.resource)
    bodies = "NULL, NULL" if is_secret else "body, previous"
    with connecting.usable().cursor() as cursor:
        cursor.execute(
            f"SELECT revision, kind, at, {bodies} FROM workspaces_change WHERE {collection}"  # noqa: S608
            f" AND revision > COALESCE((SELECT revision FROM workspaces_change WHERE {collection}"
            " ORDER BY revision DESC LIMIT 1 OFFSET %s), 0)"
            " AND namespace = %s AND name = %s ORDER BY revision DESC LIMIT %s",
            [*values, *values, _REACH, key.namespace, key.name, limit],
        )
        return [
            PastChange(revision, kind, _moment(at), _bytes(body), _bytes(previous))
            for revision, kind, at, body, previous in cursor.fetchall()
        ]


def events_about(cluster: str, namespace: str, name: str, uid: str) -> list[JSONObject]:
    """The Events about an object, the newest first; by their names, which begin with the object's."""
    with connecting.usable().cursor() as cursor:
        cursor.execute(
            f"SELECT {rows.RECORD_COLUMNS} FROM workspaces_object WHERE cluster = %s"  # noqa: S608
            " AND \"group\" = '' AND resource = 'events' AND identity = '' AND namespace = %s"
            " AND name > %s AND name < %s LIMIT 200",
            [cluster, namespace or "default", f"{name[:230]}.", f"{name[:230]}/"],
        )
        found = [api_objects.decode(rows.record(row).body) for row in cursor.fetchall()]
    about = [event for event in found if (event.get("involvedObject") or {}).get("uid") == uid]
    return sorted(about, key=_last_seen, reverse=True)


def newest_warnings(limit: int) -> list[tuple[str, JSONObject]]:
    """The Events of type Warning that were recorded last, each with its logical cluster, the newest first."""
    with connecting.usable().cursor() as cursor:
        cursor.execute(
            "SELECT cluster, namespace, name, body FROM workspaces_change WHERE \"group\" = ''"
            " AND resource = 'events' AND identity = '' AND kind <> 'D' ORDER BY revision DESC LIMIT 200"
        )
        found = cursor.fetchall()
    seen: dict[tuple[str, str, str], tuple[str, JSONObject]] = {}
    for cluster, namespace, name, body in found:
        event = api_objects.decode(bytes(body))
        if event.get("type") == "Warning":
            seen.setdefault((cluster, namespace, name), (cluster, event))
    return list(seen.values())[:limit]


def _last_seen(event: JSONObject) -> str:
    return str(event.get("lastTimestamp") or event.get("eventTime") or event["metadata"]["creationTimestamp"])


def _bytes(value: Any) -> bytes | None:
    return None if value is None else bytes(value)


def _moment(value: Any) -> datetime.datetime:
    moment: datetime.datetime = (parse_datetime(value) if isinstance(value, str) else None) or value
    return moment.replace(tzinfo=datetime.UTC) if timezone.is_naive(moment) else moment
