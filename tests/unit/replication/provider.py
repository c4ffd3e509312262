"""A provider's workspace in the database, and the work that its changes make, done in the foreground."""

from __future__ import annotations

from typing import Any

from kcpcache.apimachinery.objects import JSONObject
from replication import rows, tasks
from workspaces import bootstrap
from workspaces import tasks as controllers
from workspaces.registry import client
from workspaces.store import tenants, work

CLOUD, ALICE, BOB = "cloud0", "alice0", "bob0"
GROUP = "cloud.example.com"
SCHEMA = {
    "type": "object",
    "properties": {"spec": {"type": "object", "properties": {"cores": {"type": "integer"}}}},
}
NAMES = {"plural": "cpuflavors", "singular": "cpuflavor", "kind": "CPUFlavor", "listKind": "CPUFlavorList"}


def prepare() -> None:
    """The root workspace, a provider and two consumers."""
    bootstrap.ensure()
    for cluster in (CLOUD, ALICE, BOB):
        tenants.add(cluster, f"root:{cluster}", parent="root", name=cluster)
        client.create(cluster, "", "namespaces", {"metadata": {"name": "default"}})
    work_off()


def work_off() -> None:
    """What workers do, until nothing is due."""
    for _ in range(50):
        controllers.reconcile_due()
        for source in rows.all_sources():
            tasks.sync(source.uid)
        if not work.due(1):
            return
    raise AssertionError(f"the work does not end: {work.due(10)}")


def crd(plural: str = "cpuflavors", **parts: Any) -> JSONObject:
    """A CustomResourceDefinition, cluster-scoped unless said otherwise."""
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": SCHEMA}}
    spec = {
        "group": GROUP,
        "names": {**NAMES, "plural": plural},
        "scope": "Cluster",
        "versions": [version],
        **parts,
    }
    return {"metadata": {"name": f"{plural}.{GROUP}"}, "spec": spec}


def create_crd(**parts: Any) -> None:
    """Create it in the provider's workspace."""
    client.create(CLOUD, "apiextensions.k8s.io", "customresourcedefinitions", crd(**parts))
    work_off()


def flavor(name: str, cores: int = 1, labels: dict[str, str] | None = None) -> JSONObject:
    """A flavour."""
    return {"metadata": {"name": name, **({"labels": labels} if labels else {})}, "spec": {"cores": cores}}


def create_flavors(*names: str, labels: dict[str, str] | None = None) -> None:
    """Create flavours in the provider's workspace."""
    for name in names:
        client.create(CLOUD, GROUP, "cpuflavors", flavor(name, labels=labels))


def create_cachedresource(name: str = "cpuflavors-v1", **parts: Any) -> None:
    """Create a CachedResource of the flavours."""
    metadata = {"name": name, **parts.pop("metadata", {})}
    spec = {"group": GROUP, "version": "v1", "resource": "cpuflavors", **parts}
    client.create(CLOUD, "cache.kcp.io", "cachedresources", {"metadata": metadata, "spec": spec})
    work_off()


def cachedresource(name: str = "cpuflavors-v1") -> JSONObject | None:
    """It as it is now."""
    return client.get(CLOUD, "cache.kcp.io", "cachedresources", name)


def status(name: str = "cpuflavors-v1") -> JSONObject:
    """Its status."""
    found = cachedresource(name)
    assert found is not None
    return found["status"]


def verdicts(found: JSONObject) -> dict[str, str]:
    """The status of each condition."""
    return {condition["type"]: condition["status"] for condition in found.get("conditions") or []}


def reasons(found: JSONObject) -> dict[str, str]:
    """The reason of each condition that should be True and is not."""
    wanted = [c for c in found.get("conditions") or [] if c["type"] != "Drifted"]
    return {c["type"]: c.get("reason", "") for c in wanted if c["status"] != "True"}


def export(*, identity_hash: str, slice_name: str = "cpuflavors-v1") -> None:
    """Publish the flavours."""
    version = {"name": "v1", "served": True, "storage": True, "schema": SCHEMA}
    schema = {"group": GROUP, "names": NAMES, "scope": "Cluster", "versions": [version]}
    client.create(
        CLOUD,
        "apis.kcp.io",
        "apiresourceschemas",
        {"metadata": {"name": f"v1.cpuflavors.{GROUP}"}, "spec": schema},
    )
    virtual = {
        "reference": {"apiGroup": "cache.kcp.io", "kind": "CachedResourceEndpointSlice", "name": slice_name},
        "identityHash": identity_hash,
    }
    resource = {
        "group": GROUP,
        "name": "cpuflavors",
        "schema": f"v1.cpuflavors.{GROUP}",
        "storage": {"virtual": virtual},
    }
    client.create(
        CLOUD,
        "apis.kcp.io",
        "apiexports",
        {"metadata": {"name": "compute"}, "spec": {"resources": [resource]}},
    )
    work_off()


def bind(consumer: str) -> None:
    """Bind the export in a consumer's workspace."""
    spec = {"reference": {"export": {"path": f"root:{CLOUD}", "name": "compute"}}}
    client.create(consumer, "apis.kcp.io", "apibindings", {"metadata": {"name": "compute"}, "spec": spec})
    work_off()
