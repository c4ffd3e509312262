"""Where a resource of a workspace comes from: a CRD or a bound schema."""

from __future__ import annotations

from kcpcache.apimachinery import objects
from kcpcache.apimachinery.storage import Key
from workspaces.admission import resourcenames
from workspaces.store import objects as store


def scope_of(cluster: str, group: str, resource: str) -> str | None:
    """``Cluster`` or ``Namespaced``, None when no CRD and no binding of the workspace has the resource."""
    key = Key(cluster, "apiextensions.k8s.io", "customresourcedefinitions", "", "", f"{resource}.{group}")
    if record := store.get(key):
        return str(objects.decode(record.body)["spec"]["scope"])
    schema = resourcenames.bound_schema(cluster, group, resource)
    return str(schema["spec"]["scope"]) if schema else None
