"""Who consumes an export: its bindings, found by index."""

from __future__ import annotations

from kcpcache.apimachinery import objects
from kcpcache.apimachinery.objects import JSONObject
from workspaces.kinds import finalizers, indexes
from workspaces.registry.addresses import WorkspaceAddress
from workspaces.store import objects as store


def bindings_of(
    provider: WorkspaceAddress, export_name: str, consumer_cluster: str | None = None
) -> list[tuple[str, JSONObject]]:
    """All bindings of an export, each with its consumer's cluster, whatever their phase.

    `consumer_cluster` leaves those of one logical cluster.
    """
    found: dict[tuple[str, str], JSONObject] = {}
    # A reference without a path means the binding's own workspace; it is indexed under its cluster.
    for reference in {provider.path, provider.cluster}:
        value = indexes.export_value(reference, export_name)
        for record in store.find(indexes.EXPORT, value, consumer_cluster):
            if record.key.resource == "apibindings":
                found[(record.key.cluster, record.key.name)] = objects.decode(record.body)
    return [(cluster, binding) for (cluster, _), binding in sorted(found.items())]


def consumers_of(provider: WorkspaceAddress, export_name: str) -> list[str]:
    """The logical clusters that are bound, sorted, each once."""
    return sorted(
        {cluster for cluster, binding in bindings_of(provider, export_name) if is_bound(binding, provider)}
    )


def is_bound(binding: JSONObject, provider: WorkspaceAddress) -> bool:
    """Whether a binding gives its workspace what the export of this provider offers."""
    return _is_held(binding, provider) and not objects.is_being_deleted(binding)


def is_ending(binding: JSONObject, provider: WorkspaceAddress) -> bool:
    """Whether a binding is being deleted and waits for objects that the provider may have to clean up."""
    return (
        _is_held(binding, provider)
        and objects.is_being_deleted(binding)
        and finalizers.has(binding, finalizers.BINDING)
    )


def _is_held(binding: JSONObject, provider: WorkspaceAddress) -> bool:
    """A path may come to name another workspace: whoever is there now is not the one that was bound."""
    status = binding.get("status") or {}
    return status.get("phase") == "Bound" and status.get("apiExportClusterName") == provider.cluster


def is_of(binding: JSONObject, export: JSONObject) -> bool:
    """Whether everything that a binding holds is held under the present identity of the export."""
    identity = (export.get("status") or {}).get("identityHash")
    held = (binding.get("status") or {}).get("boundResources") or []
    return all(entry["schema"]["identityHash"] == identity for entry in held)
