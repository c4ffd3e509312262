"""Finalizers that the system puts on and that only a deletion takes off."""

from __future__ import annotations

from kcpcache.apimachinery import objects
from kcpcache.apimachinery.objects import JSONObject

NAMESPACE = "kubernetes"
CRD = "customresourcecleanup.apiextensions.k8s.io"
WORKSPACE = "core.kcp.io/logicalcluster"
BINDING = "apis.kcp.io/apibinding-finalizer"
CACHED_RESOURCE = "cachedresource.cache.kcp.dev"
FOREGROUND = "foregroundDeletion"
ORPHAN = "orphan"


def has(obj: JSONObject, finalizer: str) -> bool:
    """Whether a finalizer holds the object."""
    return finalizer in (objects.metadata(obj).get("finalizers") or [])


def add(obj: JSONObject, finalizer: str) -> None:
    """Put a finalizer on (in place), once."""
    if not has(obj, finalizer):
        metadata = objects.metadata(obj)
        metadata["finalizers"] = [*(metadata.get("finalizers") or []), finalizer]


def keep(obj: JSONObject, finalizer: str) -> None:
    """Put it back when a client that does not know it left it out; a deletion may take it off."""
    if not objects.is_being_deleted(obj):
        add(obj, finalizer)


def remove(obj: JSONObject, finalizer: str) -> JSONObject:
    """Take a finalizer off (in place) and return the object."""
    metadata = objects.metadata(obj)
    rest = [name for name in metadata.get("finalizers") or [] if name != finalizer]
    if rest:
        metadata["finalizers"] = rest
    else:
        metadata.pop("finalizers", None)
    return obj
