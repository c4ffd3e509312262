"""Objects as people may see them outside of the Kubernetes API: of a Secret there is no data, in no form."""

from __future__ import annotations

from kcpcache.apimachinery import objects
from kcpcache.apimachinery.objects import JSONObject
from workspaces.store import encryption

_METADATA = (
    "name", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp",
    "labels", "ownerReferences", "finalizers",
)  # fmt: skip


def shown(group: str, resource: str, stored: bytes) -> JSONObject:
    """The object of a stored body.

    A Secret keeps its type and metadata; annotations go too, for kubectl writes a copy of all data into one.
    """
    if not encryption.is_secret(group, resource):
        return objects.decode(stored)
    obj = objects.decode(encryption.decrypt(stored))
    metadata = {name: value for name, value in obj["metadata"].items() if name in _METADATA}
    kept: JSONObject = {name: obj[name] for name in ("apiVersion", "kind", "type") if name in obj}
    return {**kept, "metadata": metadata}
