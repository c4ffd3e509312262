"""Which APIExports publish a CachedResource, and to whom."""

from __future__ import annotations

from kcpcache.apimachinery.objects import JSONObject
from replication.controllers.state import SLICES
from workspaces.kinds import indexes
from workspaces.registry import bindings, client
from workspaces.registry.addresses import WorkspaceAddress


def using_slice(cluster: str, slice_name: str, identity_hash: str) -> list[JSONObject]:
    """The APIExports of a workspace with virtual storage behind a slice, under the right identity."""
    found = client.find(indexes.SLICE, slice_name, "apis.kcp.io", "apiexports", cluster)
    return [export for _, export in found if _uses(export, slice_name, identity_hash)]


def consumers_of(provider: WorkspaceAddress, export: JSONObject) -> list[str]:
    """The logical clusters that are bound to an export, sorted."""
    return bindings.consumers_of(provider, export["metadata"]["name"])


def _uses(export: JSONObject, slice_name: str, identity_hash: str) -> bool:
    for resource in (export.get("spec") or {}).get("resources") or []:
        stored = (resource.get("storage") or {}).get("virtual") or {}
        reference = stored.get("reference") or {}
        if (
            reference.get("kind") == "CachedResourceEndpointSlice"
            and reference.get("name") == slice_name
            and stored.get("identityHash") == identity_hash
        ):
            return True
    return False


def slices_of(cluster: str, cachedresource: str) -> list[JSONObject]:
    """The endpoint slices that refer to a CachedResource of their own workspace by name."""
    found = client.find(indexes.CACHED_RESOURCE, cachedresource, "cache.kcp.io", SLICES, cluster)
    return [slice_ for _, slice_ in found]
