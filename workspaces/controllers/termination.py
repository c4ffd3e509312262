"""The end of a workspace: its children, what has effects elsewhere, everything else, and at last its address."""

from __future__ import annotations

import copy

from kcpcache.apimachinery import objects
from kcpcache.apimachinery.conditions import set_condition
from kcpcache.apimachinery.objects import JSONObject
from kcpcache.apimachinery.reconcile import CONTINUE, Outcome
from kcpcache.apimachinery.storage import Key
from workspaces.controllers import removal, status
from workspaces.kinds import finalizers
from workspaces.registry import client
from workspaces.store import content, tenants, work
from workspaces.store import objects as store

GROUP, PLURAL = "tenancy.kcp.io", "workspaces"
_LOGICAL_CLUSTERS = ("core.kcp.io", "logicalclusters")
_RETRY_SECONDS = 0.5
# A write that was admitted before the end may be stored after it; then it is swept up.
_LATE_SECONDS = 30

# What must end in an orderly way, for it has effects outside the workspace's rows: in the order of deletion.
_ORDERLY = (
    ("apis.kcp.io", "apibindings"),
    ("cache.kcp.io", "cachedresources"),
    ("apiextensions.k8s.io", "customresourcedefinitions"),
)


def reconcile(parent: str, workspace: JSONObject) -> Outcome:
    """One pass over a workspace that is being deleted."""
    cluster = str(workspace["spec"]["cluster"])
    if tenants.path_of(cluster) is not None:
        client.delete(cluster, *_LOGICAL_CLUSTERS, "cluster")  # marks it: no new children from here on
        waiting = _waiting_for(cluster)
        if waiting:
            _report(parent, workspace, waiting)
            return Outcome(retry_after_seconds=_RETRY_SECONDS)
        if not _remove_content(cluster):
            return Outcome(retry_after_seconds=0)
        _forget(cluster)
        work.note("late-writes", cluster, "", delay_seconds=_LATE_SECONDS)
    client.update(parent, GROUP, PLURAL, workspace["metadata"]["name"], _release)
    return CONTINUE


def _waiting_for(cluster: str) -> str:
    """Delete children, then what must end in order; what is still there, empty when nothing is."""
    for group, plural in ((GROUP, PLURAL), *_ORDERLY):
        found = client.list(cluster, group, plural)
        for obj in found:
            if not objects.is_being_deleted(obj):
                client.delete(cluster, group, plural, obj["metadata"]["name"])
        if found and client.exists(cluster, group, plural):
            return f"{len(found)} {plural}"
    return ""


def _report(parent: str, workspace: JSONObject, waiting: str) -> None:
    wanted = copy.deepcopy(workspace.get("status") or {})
    message = f"waiting for {waiting} to be deleted"
    set_condition(
        wanted.setdefault("conditions", []),
        "WorkspaceContentDeleted",
        "False",
        "SomeResourcesRemain",
        message,
    )
    status.write(parent, GROUP, PLURAL, workspace, wanted)


def _remove_content(cluster: str) -> bool:
    """Remove all that is left but the logical cluster's own object; whether nothing is."""
    progress = removal.Progress()
    for collection in content.collections(cluster):
        if (collection.group, collection.resource) != _LOGICAL_CLUSTERS:
            removal.remove(collection, progress, is_forced=True)
    return progress.is_done


def _forget(cluster: str) -> None:
    """Remove the logical cluster's object and its address, in one transaction."""
    key = Key(cluster, *_LOGICAL_CLUSTERS, "", "", "cluster")
    with store.writing([key]) as tx:
        tenants.remove(cluster)
        if tx.get(key) is not None:
            tx.delete(key, discovery=True)


def reconcile_late_writes(cluster: str, _name: str) -> Outcome:
    """Remove what was written into a logical cluster after its end."""
    if tenants.path_of(cluster) is not None:
        return CONTINUE
    progress = removal.Progress()
    for collection in content.collections(cluster):
        removal.remove(collection, progress, is_forced=True)
    return CONTINUE if progress.is_done else Outcome(retry_after_seconds=0)


def _release(workspace: JSONObject) -> JSONObject:
    return finalizers.remove(workspace, finalizers.WORKSPACE)
