"""Garbage collection: what becomes of the dependents of an object that is deleted.

Source: Kubernetes, "Garbage Collection". Dependents are found by the index `owner`, whose values are the uids in
`metadata.ownerReferences`.
"""

from __future__ import annotations

from collections.abc import Callable

from kcpcache.apimachinery import objects
from kcpcache.apimachinery.objects import JSONObject
from kcpcache.apimachinery.reconcile import CONTINUE, Outcome
from kcpcache.apimachinery.storage import Key, Record
from workspaces.kinds import finalizers, indexes
from workspaces.registry import client
from workspaces.store import content
from workspaces.store import objects as store

_RETRY_SECONDS = 1.0


def reconcile(cluster: str, uid: str) -> Outcome:
    """One pass over the dependents of the object with this uid, whether it still exists or not."""
    owner_key = content.key_of(cluster, uid)
    dependents = store.find(indexes.OWNER, uid, cluster)
    stored = store.get(owner_key) if owner_key else None
    if owner_key is None or stored is None:
        for dependent in dependents:
            _collect(dependent, uid)
        return CONTINUE
    owner = objects.decode(stored.body)
    if not objects.is_being_deleted(owner):
        return CONTINUE
    if finalizers.has(owner, finalizers.ORPHAN):
        for dependent in dependents:
            _change(dependent.key, lambda obj: _without_owner(obj, {uid}))
        _change(owner_key, lambda obj: finalizers.remove(obj, finalizers.ORPHAN))
    elif finalizers.has(owner, finalizers.FOREGROUND):
        return _foreground(owner_key, uid, dependents)
    return CONTINUE


def _foreground(owner_key: Key, uid: str, dependents: list[Record]) -> Outcome:
    """Delete the dependents first; the owner goes when none of them that blocks is left."""
    blocking = 0
    for dependent in dependents:
        obj = objects.decode(dependent.body)
        blocking += any(owner["uid"] == uid and owner.get("blockOwnerDeletion") for owner in _owners(obj))
        _collect(dependent, uid)
    if blocking:
        return Outcome(retry_after_seconds=_RETRY_SECONDS)
    _change(owner_key, lambda obj: finalizers.remove(obj, finalizers.FOREGROUND))
    return CONTINUE


def _collect(dependent: Record, uid: str) -> None:
    """Delete a dependent, or only its reference while another owner lives."""
    key, obj = dependent.key, objects.decode(dependent.body)
    others = {str(owner["uid"]) for owner in _owners(obj)} - {uid}
    if any(_is_alive(key.cluster, other) for other in others):
        _change(key, lambda present: _without_owner(present, {uid}))
    elif not objects.is_being_deleted(obj):
        client.delete(
            key.cluster, key.group, key.resource, key.name, key.namespace, uid=obj["metadata"]["uid"]
        )


def _is_alive(cluster: str, uid: str) -> bool:
    key = content.key_of(cluster, uid)
    stored = store.get(key) if key else None
    if stored is None:
        return False
    owner = objects.decode(stored.body)
    return not (objects.is_being_deleted(owner) and finalizers.has(owner, finalizers.FOREGROUND))


def _owners(obj: JSONObject) -> list[JSONObject]:
    owners: list[JSONObject] = objects.metadata(obj).get("ownerReferences") or []
    return owners


def _without_owner(obj: JSONObject, uids: set[str]) -> JSONObject:
    metadata = objects.metadata(obj)
    rest = [owner for owner in _owners(obj) if owner["uid"] not in uids]
    if rest:
        metadata["ownerReferences"] = rest
    else:
        metadata.pop("ownerReferences", None)
    return obj


def _change(key: Key, change: Callable[[JSONObject], JSONObject]) -> None:
    client.update(key.cluster, key.group, key.resource, key.name, change, key.namespace)
