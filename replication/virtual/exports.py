"""Which APIExports publish a CachedResource, and to whom."""

from __future__ import annotations

from collections.abc import Iterator

from kcpcache.apimachinery.objects import JSONObject
from replication.controllers.state import SLICES
from workspaces.kinds import indexes
from workspaces.registry import bindings, client
from workspaces.registry.addresses import WorkspaceAddress

SLICE_KIND = "CachedResourceEndpointSlice"


def using_slice(cluster: str, slice_name: str, identity_hash: str) -> list[JSONObject]:
    """The APIExports of a workspace with virtual storage behind a slice, under the right identity."""
    return [
        export
        for export, entry in entries_behind(cluster, slice_name)
        if entry["storage"]["virtual"].get("identityHash") == identity_hash
    ]


def entries_behind(cluster: str, slice_name: str) -> Iterator[tuple[JSONObject, JSONObject]]:
    """Each APIExport of a workspace with virtual storage behind a slice, with that entry of `spec.resources`."""
    for _, export in client.find(
        indexes.SLICE, indexes.fitting(slice_name), "apis.kcp.io", "apiexports", cluster
    ):
        for entry in (export.get("spec") or {}).get("resources") or []:
            reference = ((entry.get("storage") or {}).get("virtual") or {}).get("reference") or {}
            if (reference.get("kind"), reference.get("name")) == (SLICE_KIND, slice_name):
                yield export, entry


def consumers_of(provider: WorkspaceAddress, export: JSONObject) -> list[str]:
    """The logical clusters that are bound to an export, sorted."""
    return bindings.consumers_of(provider, export["metadata"]["name"])


def slices_of(cluster: str, cachedresource: str) -> list[JSONObject]:
    """The endpoint slices that refer to a CachedResource of their own workspace by name."""
    found = client.find(
        indexes.CACHED_RESOURCE, indexes.fitting(cachedresource), "cache.kcp.io", SLICES, cluster
    )
    return [slice_ for _, slice_ in found]
