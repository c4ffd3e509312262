"""Reads and writes of controllers, admin and commands: the API's own pipeline, without HTTP.

Objects are dictionaries; `group` and `plural` name the resource as its workspace serves it (in the version that it
prefers). Whoever calls has already decided that it may.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from kcpcache.apimachinery import errors, objects
from kcpcache.apimachinery.descriptor import Descriptor
from kcpcache.apimachinery.objects import JSONObject
from kcpcache.apimachinery.storage import (
    Collection,
    DeleteOptions,
    Key,
    ListOptions,
    Preconditions,
    WriteOptions,
)
from workspaces.registry import rest, strategy, workspace
from workspaces.registry.resolver import resolver
from workspaces.store import objects as store

SYSTEM_USER = strategy.SYSTEM_USER
FIELD_MANAGER = "kcpcache"


def descriptor_of(cluster: str, group: str, plural: str, version: str = "") -> Descriptor:
    """The resource as the workspace serves it, in the given or its preferred version; NotFound."""
    resolver().refresh()
    catalogue = resolver().find(cluster)
    if catalogue is not None:
        served = [d for (g, v, p), d in catalogue.resources.items() if g == group and p == plural]
        wanted = [d for d in served if d.version == (version or d.versions[0])]
        if wanted:
            return wanted[0]
    qualified = f"{plural}.{group}" if group else plural
    raise errors.NotFound(f"workspace {cluster} does not serve {qualified}", group=group, kind=plural)


def storage(cluster: str, group: str, plural: str, version: str = "") -> rest.ResourceStorage:
    """The SQL storage of a resource of the workspace's own; NotFound, also for a virtual resource."""
    descriptor = descriptor_of(cluster, group, plural, version)
    catalogue = resolver().find(cluster)
    if descriptor.origin == "virtual" or catalogue is None:
        raise errors.NotFound(f"{descriptor.qualified} has no objects of its own in workspace {cluster}")
    made = workspace.storage_of(descriptor, catalogue.address.cluster, catalogue.address.path)
    assert isinstance(made, rest.ResourceStorage)
    return made


def get(cluster: str, group: str, plural: str, name: str, namespace: str = "") -> JSONObject | None:
    """One object of a built-in kind or a CRD, None when there is none."""
    record = store.get(Key(cluster, group, plural, "", namespace, name))
    return objects.decode(record.body) if record else None


def list(cluster: str, group: str, plural: str, namespace: str = "") -> Sequence[JSONObject]:
    """All objects of a resource that the workspace serves from its own store; none when it does not serve it."""
    try:
        page = storage(cluster, group, plural).list(ListOptions(namespace=namespace))
    except errors.NotFound:
        return []
    return [objects.decode(record.body) for record in page.records]


def create(cluster: str, group: str, plural: str, obj: JSONObject, namespace: str = "") -> JSONObject:
    """Create as the system; AlreadyExists, Invalid, Forbidden."""
    target = storage(cluster, group, plural)
    obj = {"apiVersion": target.descriptor.api_version, "kind": target.descriptor.kind, **obj}
    return objects.decode(target.create(namespace, obj, _options("")).body)


def update(
    cluster: str,
    group: str,
    plural: str,
    name: str,
    change: Callable[[JSONObject], JSONObject],
    namespace: str = "",
    subresource: str = "",
) -> JSONObject | None:
    """Change an object as the system, None when it is gone; a change that alters nothing writes nothing."""
    try:
        target = storage(cluster, group, plural)
        record, _ = target.update(namespace, name, _present(change), _options(subresource))
    except errors.NotFound:
        return None
    return objects.decode(record.body)


def _present(change: Callable[[JSONObject], JSONObject]) -> Callable[[JSONObject | None], JSONObject]:
    def changed(obj: JSONObject | None) -> JSONObject:
        assert obj is not None  # nothing is created here
        return change(obj)

    return changed


def delete(cluster: str, group: str, plural: str, name: str, namespace: str = "", uid: str = "") -> None:
    """Delete as the system; fine when it is gone already, or is another object than `uid`."""
    try:
        options = DeleteOptions(preconditions=Preconditions(uid=uid), user=SYSTEM_USER)
        storage(cluster, group, plural).delete(namespace, name, options)
    except (errors.NotFound, errors.Conflict):
        return


def find(
    index: str, value: str, group: str, plural: str, cluster: str | None = None
) -> Sequence[tuple[str, JSONObject]]:
    """Objects that carry an index value, each with its cluster."""
    return [
        (record.key.cluster, objects.decode(record.body))
        for record in store.find(index, value, cluster)
        if (record.key.group, record.key.resource) == (group, plural)
    ]


def exists(cluster: str, group: str, plural: str, identity: str = "") -> bool:
    """Whether a collection holds anything."""
    return store.exists(Collection(cluster, group, plural, identity))


def _options(subresource: str) -> WriteOptions:
    return WriteOptions(
        user=SYSTEM_USER, field_manager=FIELD_MANAGER, field_validation="Ignore", subresource=subresource
    )
