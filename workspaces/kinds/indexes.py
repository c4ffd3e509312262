"""Names and values of the indexes by which related objects find each other."""

from __future__ import annotations

import hashlib

from kcpcache.apimachinery.objects import JSONObject
from workspaces.store.objects import IndexEntry

OWNER = "owner"  # uid of an owner: its dependents
EXPORT = "export"  # workspace and name of an APIExport: its bindings and endpoint slices
SECRET = "secret"  # noqa: S105 - namespace/name of an identity Secret: whoever refers to it
SCHEMA = "schema"  # name of an APIResourceSchema: the exports that name it
SLICE = "slice"  # name of an endpoint slice: the exports with virtual storage behind it
CACHED_RESOURCE = "cachedresource"  # name of a CachedResource: its endpoint slices
GROUP = "crd-group"  # API group: the CRDs in it
CACHED_RESOURCE_GVR = "cachedresource-gvr"  # group/version/resource: the one CachedResource of it

_LIMIT = 600  # characters that the column holds


def export_value(workspace: str, name: str) -> str:
    """The value of `EXPORT`. `workspace` is what the reference says: a path or a logical cluster's name."""
    return fitting(f"{workspace}|{name}")


def secret_entries(spec: JSONObject) -> list[IndexEntry]:
    """The entry for `spec.identity.secretRef`."""
    reference = ((spec.get("identity") or {}).get("secretRef")) or {}
    if not reference.get("name"):
        return []
    return [IndexEntry(SECRET, secret_value(reference.get("namespace") or "", reference["name"]))]


def secret_value(namespace: str, name: str) -> str:
    """The value of `SECRET`."""
    return fitting(f"{namespace}/{name}")


def fitting(value: str) -> str:
    """A value as it is, or a digest where it would not fit."""
    return value if len(value) <= _LIMIT else f"sha256:{hashlib.sha256(value.encode()).hexdigest()}"
