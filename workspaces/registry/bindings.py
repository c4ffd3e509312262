"""Who consumes an export: its bindings, found by index."""

from __future__ import annotations

from kcpcache.apimachinery import objects
from kcpcache.apimachinery.objects import JSONObject
from workspaces.registry.addresses import WorkspaceAddress
from workspaces.store import objects as store

INDEX = "export"


def index_value(reference: str, export_name: str) -> str:
    """The index value of a binding; `reference` is a workspace's path or logical cluster name as written."""
    return f"{reference}|{export_name}"


def bindings_of(provider: WorkspaceAddress, export_name: str) -> list[tuple[str, JSONObject]]:
    """All bindings of an export, each with its consumer's cluster, whatever their phase."""
    found: dict[tuple[str, str], JSONObject] = {}
    for reference in {provider.path, provider.cluster}:
        for record in store.find(INDEX, index_value(reference, export_name)):
            if record.key.resource == "apibindings":
                found[(record.key.cluster, record.key.name)] = objects.decode(record.body)
    # A reference without a path means the binding's own workspace; it is indexed under its cluster.
    return [(cluster, binding) for (cluster, _), binding in sorted(found.items())]


def consumers_of(provider: WorkspaceAddress, export_name: str) -> list[str]:
    """The logical clusters that are bound, sorted, each once."""
    return sorted(
        {
            cluster
            for cluster, binding in bindings_of(provider, export_name)
            if (binding.get("status") or {}).get("phase") == "Bound" and not objects.is_being_deleted(binding)
        }
    )
