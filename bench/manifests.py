"""The objects of a benchmark's catalogue: flavours of 1.2 KB as served, and the API around them."""

from __future__ import annotations

import json
from typing import Any

GROUP = "cloud.example.com"
RESOURCE = "cpuflavors"
SCHEMA = f"v1.{RESOURCE}.{GROUP}"
EXPORT = "compute.cloud.example.com"
CACHED = "cpuflavors-v1"

FLAVOURS_PATH = f"/apis/{GROUP}/v1/{RESOURCE}"
CRDS_PATH = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
CACHED_PATH = "/apis/cache.kcp.io/v1alpha1/cachedresources"
SCHEMAS_PATH = "/apis/apis.kcp.io/v1alpha1/apiresourceschemas"
EXPORTS_PATH = "/apis/apis.kcp.io/v1alpha2/apiexports"
BINDINGS_PATH = "/apis/apis.kcp.io/v1alpha2/apibindings"
WORKSPACES_PATH = "/apis/tenancy.kcp.io/v1alpha1/workspaces"

MANIFEST_BYTES = 1000  # the server adds about 200: uid, creationTimestamp, resourceVersion and the like

_NAMES = {"plural": RESOURCE, "singular": "cpuflavor", "kind": "CPUFlavor", "listKind": "CPUFlavorList"}
_OPEN_API = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "required": ["cores", "threads"],
            "properties": {
                "cores": {"type": "integer", "minimum": 1},
                "threads": {"type": "integer", "minimum": 1},
                "serial": {"type": "integer"},
                "architecture": {"type": "string", "enum": ["amd64", "arm64"]},
                "description": {"type": "string"},
            },
        }
    },
}


def name(number: int) -> str:
    """The name of a flavour."""
    return f"flavour-{number:06d}"


def flavour(number: int, serial: int = 0) -> dict[str, Any]:
    """A flavour; `serial` tells one change of it from another."""
    spec = {"cores": 1 + number % 64, "threads": 2 + number % 128, "serial": serial, "architecture": "amd64"}
    made: dict[str, Any] = {
        "apiVersion": f"{GROUP}/v1",
        "kind": "CPUFlavor",
        "metadata": {"name": name(number), "labels": {"tier": f"tier-{number % 100}"}},
        "spec": {**spec, "description": ""},
    }
    missing = MANIFEST_BYTES - len(json.dumps(made, separators=(",", ":")))
    made["spec"]["description"] = ("A size of processor that instances may ask for. " * 25)[:missing]
    return made


def change(serial: int) -> dict[str, Any]:
    """A merge patch that changes one flavour."""
    return {"spec": {"serial": serial}}


def crd(plural: str = RESOURCE) -> dict[str, Any]:
    """The definition of flavours; another plural gives another resource."""
    names = _NAMES
    if plural != RESOURCE:
        kind = plural.capitalize()
        names = {
            "plural": plural,
            "singular": plural.removesuffix("s"),
            "kind": kind,
            "listKind": f"{kind}List",
        }
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": _OPEN_API}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {"group": GROUP, "scope": "Cluster", "names": names, "versions": [version]},
    }


def cached_resource(called: str = CACHED) -> dict[str, Any]:
    """Replicates all flavours of its workspace."""
    return {
        "apiVersion": "cache.kcp.io/v1alpha1",
        "kind": "CachedResource",
        "metadata": {"name": called},
        "spec": {"group": GROUP, "version": "v1", "resource": RESOURCE},
    }


def schema() -> dict[str, Any]:
    """The flavours as consumers see them."""
    version = {"name": "v1", "served": True, "storage": True, "schema": _OPEN_API}
    return {
        "apiVersion": "apis.kcp.io/v1alpha1",
        "kind": "APIResourceSchema",
        "metadata": {"name": SCHEMA},
        "spec": {"group": GROUP, "scope": "Cluster", "names": _NAMES, "versions": [version]},
    }


def export(identity_hash: str) -> dict[str, Any]:
    """Exports the replica as a virtual resource."""
    reference = {"apiGroup": "cache.kcp.io", "kind": "CachedResourceEndpointSlice", "name": CACHED}
    exported = {
        "group": GROUP,
        "name": RESOURCE,
        "schema": SCHEMA,
        "storage": {"virtual": {"reference": reference, "identityHash": identity_hash}},
    }
    return {
        "apiVersion": "apis.kcp.io/v1alpha2",
        "kind": "APIExport",
        "metadata": {"name": EXPORT},
        "spec": {"resources": [exported]},
    }


def binding(provider_path: str) -> dict[str, Any]:
    """Binds the export."""
    return {
        "apiVersion": "apis.kcp.io/v1alpha2",
        "kind": "APIBinding",
        "metadata": {"name": "compute"},
        "spec": {"reference": {"export": {"path": provider_path, "name": EXPORT}}},
    }


def workspace(called: str) -> dict[str, Any]:
    """A workspace."""
    return {"apiVersion": "tenancy.kcp.io/v1alpha1", "kind": "Workspace", "metadata": {"name": called}}
