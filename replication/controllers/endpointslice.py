"""Reconciles one CachedResourceEndpointSlice (seed, "CachedResourceEndpointSlice")."""

from __future__ import annotations

import copy

from django.conf import settings

from kcpcache.apimachinery import conditions, objects
from kcpcache.apimachinery.objects import JSONObject
from kcpcache.apimachinery.reconcile import Outcome
from replication.controllers.state import GROUP, PLURAL, SLICES
from replication.virtual import exports
from workspaces.controllers import status as statuses
from workspaces.registry import addresses, client
from workspaces.registry.addresses import WorkspaceAddress


def reconcile(cluster: str, name: str) -> Outcome:
    """Say whether the reference is good, and where the replica is served."""
    found = client.get(cluster, GROUP, SLICES, name)
    if found is None or objects.is_being_deleted(found):
        return Outcome()
    status = copy.deepcopy(found.get("status") or {})
    generation = found["metadata"].get("generation")

    def condition(type: str, status_: str, reason: str = "", message: str = "") -> None:
        entries = status.setdefault("conditions", [])
        conditions.set_condition(entries, type, status_, reason, message, generation)
        entries.sort(key=lambda entry: str(entry["type"]))

    home = addresses.find(cluster)
    reference = found["spec"]["cachedResource"]
    target = _target(home, reference)
    if target is None:
        condition(
            "ResourceValid",
            "False",
            "CachedResourceNotFound",
            f"there is no CachedResource {reference['name']}",
        )
    else:
        condition("ResourceValid", "True")
    condition("PartitionValid", "True")
    urls = _urls(home, name, target, reference) if home is not None else []
    if urls:
        status["endpoints"] = [{"url": url} for url in urls]
        condition("EndpointURLsReady", "True")
    else:
        status.pop("endpoints", None)
        condition("EndpointURLsReady", "False", "NotInUse", "no APIExport with the right identity is bound")
    statuses.write(cluster, GROUP, SLICES, found, status)
    return Outcome()


def _target(home: WorkspaceAddress | None, reference: JSONObject) -> JSONObject | None:
    """The CachedResource that a slice refers to, maybe in another workspace."""
    workspace = addresses.relative(reference.get("path") or "", home) if home is not None else None
    return client.get(workspace.cluster, GROUP, PLURAL, reference["name"]) if workspace is not None else None


def _urls(home: WorkspaceAddress, name: str, target: JSONObject | None, reference: JSONObject) -> list[str]:
    """Where it is served; a CachedResource of another workspace never is."""
    if target is None or reference.get("path") not in (None, "", home.path, home.cluster):
        return []
    identity_hash = (target.get("status") or {}).get("identityHash")
    if not identity_hash or not any(
        exports.consumers_of(home, export)
        for export in exports.using_slice(home.cluster, name, identity_hash)
    ):
        return []
    return [f"{settings.KCPCACHE_EXTERNAL_URL}/services/replication/{home.cluster}/{reference['name']}"]
