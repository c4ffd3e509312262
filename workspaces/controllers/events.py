"""Events that controllers record about objects, and their expiry."""

from __future__ import annotations

import datetime
import hashlib

from kcpcache.apimachinery import errors, objects
from kcpcache.apimachinery.objects import JSONObject
from kcpcache.apimachinery.storage import Collection, Key
from workspaces.registry import client
from workspaces.store import content
from workspaces.store import objects as store

COMPONENT = "kcpcache"
_MESSAGE_LIMIT = 1024  # characters
_BATCH = 500


def record(cluster: str, involved: JSONObject, type: str, reason: str, message: str) -> None:
    """Record that something happened to an object; the same again is counted on the Event that is there.

    Args:
        cluster: the object's logical cluster.
        involved: the object, with apiVersion, kind and metadata.
        type: ``Normal`` or ``Warning``.
        reason: one word in CamelCase.
        message: a sentence that holds no secret.
    """
    metadata = involved["metadata"]
    namespace = metadata.get("namespace") or "default"
    message = message[:_MESSAGE_LIMIT]
    digest = hashlib.sha256("\0".join((metadata["uid"], type, reason, message)).encode()).hexdigest()[:16]
    name = f"{metadata['name'][:230]}.{digest}"
    now = objects.timestamp()

    def again(event: JSONObject) -> JSONObject:
        return {**event, "count": int(event.get("count") or 1) + 1, "lastTimestamp": now}

    if client.update(cluster, "", "events", name, again, namespace) is not None:
        return
    try:
        client.create(cluster, "", "events", _event(involved, name, type, reason, message, now), namespace)
    except (errors.AlreadyExists, errors.NotFound, errors.Forbidden):
        return  # somebody was faster, or the workspace is going away: an Event is never worth a failure


def _event(involved: JSONObject, name: str, type: str, reason: str, message: str, now: str) -> JSONObject:
    metadata = involved["metadata"]
    reference = {
        "apiVersion": involved["apiVersion"],
        "kind": involved["kind"],
        "name": metadata["name"],
        "namespace": metadata.get("namespace"),
        "uid": metadata["uid"],
        "resourceVersion": metadata.get("resourceVersion"),
    }
    return {
        "metadata": {"name": name},
        "involvedObject": {field: value for field, value in reference.items() if value},
        "type": type,
        "reason": reason,
        "message": message,
        "source": {"component": COMPONENT},
        "reportingComponent": COMPONENT,
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    }


def expire(older_than_seconds: float) -> int:
    """Delete Events that were last seen too long ago, in every workspace; returns how many."""
    limit = objects.timestamp(
        datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=older_than_seconds)
    )
    expired = 0
    for cluster in content.clusters_with("", "events"):
        after: str | None = None
        while records := store.iterate(Collection(cluster, "", "events"), after=after, limit=_BATCH):
            old = [record.key for record in records if _last_seen(objects.decode(record.body)) < limit]
            expired += _delete(old)
            after = store.place(records[-1].key)
    return expired


def _last_seen(event: JSONObject) -> str:
    series = event.get("series") or {}
    seen = series.get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime")
    return str(seen or event["metadata"]["creationTimestamp"])


def _delete(keys: list[Key]) -> int:
    if not keys:
        return 0
    deleted = 0
    with store.writing(keys) as tx:
        for key in keys:
            if tx.get(key) is not None:
                tx.delete(key)
                deleted += 1
    return deleted
