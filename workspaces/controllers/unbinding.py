"""The end of an APIBinding: what the workspace held under the export's storage is deleted, then the binding goes."""

from __future__ import annotations

import datetime

from kcpcache.apimachinery.objects import JSONObject
from kcpcache.apimachinery.reconcile import CONTINUE, Outcome
from kcpcache.apimachinery.storage import Collection
from workspaces.controllers import removal
from workspaces.kinds import finalizers
from workspaces.registry import catalogue, client

# The API is gone from the workspace at once, so nobody there can take finalizers off; the provider can, this long.
GRACE_SECONDS = 60
_RETRY_SECONDS = 1.0


def reconcile(cluster: str, binding: JSONObject) -> Outcome:
    """One pass over a binding that is being deleted."""
    if not finalizers.has(binding, finalizers.BINDING):
        return CONTINUE
    progress = removal.Progress()
    status = binding.get("status") or {}
    for entry in status.get("boundResources") or []:
        collection = collection_of(cluster, status["apiExportClusterName"], entry)
        removal.remove(collection, progress, is_forced=_is_overdue(binding), is_served=False)
    if progress.is_exhausted:
        return Outcome(retry_after_seconds=0)
    if progress.held:
        return Outcome(retry_after_seconds=_RETRY_SECONDS)
    client.update(cluster, "apis.kcp.io", "apibindings", binding["metadata"]["name"], _release)
    return CONTINUE


def collection_of(cluster: str, provider_cluster: str, entry: JSONObject) -> Collection:
    """Where a workspace holds the objects of one entry of `status.boundResources`."""
    identity = catalogue.storage_identity(provider_cluster, entry["schema"]["identityHash"])
    return Collection(cluster, entry["group"], entry["resource"], identity)


def _is_overdue(binding: JSONObject) -> bool:
    since = datetime.datetime.fromisoformat(binding["metadata"]["deletionTimestamp"])
    return datetime.datetime.now(datetime.UTC) - since > datetime.timedelta(seconds=GRACE_SECONDS)


def _release(binding: JSONObject) -> JSONObject:
    return finalizers.remove(binding, finalizers.BINDING)
