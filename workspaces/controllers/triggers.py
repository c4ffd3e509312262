"""What the changes of built-in kinds make due, asked inside the writing transaction: one cheap look-up each at most."""

from __future__ import annotations

from collections.abc import Iterable

from kcpcache.apimachinery import objects
from kcpcache.apimachinery.objects import JSONObject
from workspaces import kinds
from workspaces.controllers import Item, Trigger
from workspaces.kinds import finalizers, indexes
from workspaces.store import content, tenants
from workspaces.store.objects import Written

_UNWATCHED_METADATA = ("resourceVersion", "managedFields", "generation")


def pass_for(controller: str) -> Trigger:
    """A pass of one controller over the object itself, unless it is gone or only its status changed."""

    def trigger(change: Written) -> Iterable[Item]:
        if change.kind != "D" and is_more_than_status(change):
            yield (controller, change.key.cluster, change.key.name)

    return trigger


def end_for(controller: str) -> Trigger:
    """A pass of one controller once an object is being deleted, and one more when it is gone."""

    def trigger(change: Written) -> Iterable[Item]:
        if change.kind == "D" or (change.kind == "M" and b'"deletionTimestamp"' in change.body):
            yield (controller, change.key.cluster, change.key.name)

    return trigger


def is_more_than_status(change: Written) -> bool:
    """Whether anything but status and bookkeeping changed; coming and going count."""
    if change.kind != "M":
        return True
    return _without_status(change.body) != _without_status(change.previous or b"{}")


def _without_status(body: bytes) -> JSONObject:
    obj = objects.decode(body)
    obj.pop("status", None)
    metadata = objects.metadata(obj)
    for name in _UNWATCHED_METADATA:
        metadata.pop(name, None)
    return obj


def _affects_consumers(change: Written) -> bool:
    """What `affects_discovery` of the kind says about this change."""
    strategy = kinds.BUILTIN[(change.key.group, change.key.resource)].strategy
    old = objects.decode(change.previous) if change.previous else None
    return strategy.affects_discovery(objects.decode(change.body) if change.kind != "D" else None, old)


def crd_names(change: Written) -> Iterable[Item]:
    """A CRD came, went or changed: others may have its names or be its CachedResource."""
    if _affects_consumers(change):
        yield ("api-group", change.key.cluster, objects.decode(change.body)["spec"]["group"])


def bound_names(change: Written) -> Iterable[Item]:
    """The same for each API group that a binding holds or held."""
    if not _affects_consumers(change):
        return
    groups: set[str] = set()
    for body in (change.body, change.previous):
        status = (objects.decode(body).get("status") if body else None) or {}
        groups |= {entry["group"] for entry in status.get("boundResources") or []}
    for group in sorted(groups):
        yield ("api-group", change.key.cluster, group)


def export_dependents(change: Written) -> Iterable[Item]:
    """Bindings and slices of an export that came, went, or offers or claims something else."""
    key = change.key
    if _affects_consumers(change):
        yield ("apiexport-dependents", key.cluster, key.name)
    if change.kind == "D" and (path := tenants.path_of(key.cluster)):
        # Its workspace may be gone when this is looked at, and nobody knows the path by then.
        yield ("apiexport-references", key.cluster, indexes.export_value(path, key.name))


def schema_exports(change: Written) -> Iterable[Item]:
    """Exports that name a schema which came or went."""
    if change.kind != "M":
        for key in content.holders(indexes.SCHEMA, indexes.fitting(change.key.name), change.key.cluster):
            yield ("apiexport-dependents", key.cluster, key.name)


def slice_exports(change: Written) -> Iterable[Item]:
    """Exports with virtual storage behind an endpoint slice which came or went."""
    if change.kind != "M":
        for key in content.holders(indexes.SLICE, indexes.fitting(change.key.name), change.key.cluster):
            yield ("apiexport", key.cluster, key.name)
            yield ("apiexport-dependents", key.cluster, key.name)


def cached_resource_exports(change: Written) -> Iterable[Item]:
    """Consumers of a CachedResource whose identity or readiness changed."""
    if _affects_consumers(change):
        yield ("cachedresource-exports", change.key.cluster, change.key.name)


def identities(change: Written) -> Iterable[Item]:
    """Whoever has its identity key in a Secret."""
    value = indexes.secret_value(change.key.namespace, change.key.name)
    controllers = {"apiexports": "apiexport", "cachedresources": "cachedresource"}
    for key in content.holders(indexes.SECRET, value, change.key.cluster):
        if key.resource in controllers:
            yield (controllers[key.resource], key.cluster, key.name)


def dependents(change: Written) -> Iterable[Item]:
    """Garbage collection, for objects of every kind; one that has no owner references costs nothing until it goes."""
    cluster, body = change.key.cluster, change.body
    if change.kind == "D":
        if content.is_indexed(indexes.OWNER, change.uid, cluster):
            yield ("gc", cluster, change.uid)
        return
    if b'"deletionTimestamp"' in body and _waits_for_dependents(body):
        yield ("gc", cluster, change.uid)
    if b'"ownerReferences"' in body:
        before = _owner_uids(change.previous) if change.previous else set()
        for uid in sorted(_owner_uids(body) - before):
            yield ("gc", cluster, uid)


def _waits_for_dependents(body: bytes) -> bool:
    obj = objects.decode(body)
    return finalizers.has(obj, finalizers.FOREGROUND) or finalizers.has(obj, finalizers.ORPHAN)


def _owner_uids(body: bytes) -> set[str]:
    owners = objects.metadata(objects.decode(body)).get("ownerReferences") or []
    return {str(owner["uid"]) for owner in owners}
