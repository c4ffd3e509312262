"""Reconciles one CachedResourceEndpointSlice (seed, "CachedResourceEndpointSlice")."""

from __future__ import annotations

import copy

from django.conf import settings

from kcpcache.apimachinery import conditions, objects
from kcpcache.apimachinery.objects import JSONObject
from kcpcache.apimachinery.reconcile import Outcome
from replication import reports
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
    consumers = _consumers(home, name, target, reference) if home is not None else set()
    if consumers:
        url = f"{settings.KCPCACHE_EXTERNAL_URL}/services/replication/{cluster}/{reference['name']}"
        status["endpoints"] = [{"url": url}]
        condition("EndpointURLsReady", "True")
    else:
        status.pop("endpoints", None)
        condition("EndpointURLsReady", "False", "NotInUse", "no APIExport with the right identity is bound")
    statuses.write(cluster, GROUP, SLICES, found, status)
    if target is not None and len(consumers) != ((target.get("status") or {}).get("consumers") or 0):
        reports.note_change(target["metadata"]["uid"])  # its status says how many they are
    return Outcome()


def _target(home: WorkspaceAddress | None, reference: JSONObject) -> JSONObject | None:
    """The CachedResource that a slice refers to, maybe in another workspace."""
    workspace = addresses.relative(reference.get("path") or "", home) if home is not None else None
    return client.get(workspace.cluster, GROUP, PLURAL, reference["name"]) if workspace is not None else None


def _consumers(
    home: WorkspaceAddress, name: str, target: JSONObject | None, reference: JSONObject
) -> set[str]:
    """The logical clusters that it is served to; a CachedResource of another workspace never is."""
    if target is None or reference.get("path") not in (None, "", home.path, home.cluster):
        return set()
    identity_hash = (target.get("status") or {}).get("identityHash")
    published = exports.using_slice(home.cluster, name, identity_hash) if identity_hash else []
    return {consumer for export in published for consumer in exports.consumers_of(home, export)}
