"""What follows when an API group of a workspace changes: names become free, sources of CachedResources come and go."""

from __future__ import annotations

import copy

from kcpcache.apimachinery import conditions, objects
from kcpcache.apimachinery.reconcile import CONTINUE, Outcome
from workspaces.admission import resourcenames
from workspaces.controllers import crds, status
from workspaces.kinds import indexes
from workspaces.registry import claims, client
from workspaces.store import objects as store
from workspaces.store import work


def reconcile(cluster: str, group: str) -> Outcome:
    """One pass over those who wait for names or resources of a group."""
    for record in store.find(indexes.GROUP, group, cluster):
        crd = objects.decode(record.body)
        if not conditions.is_true(crd, "NamesAccepted") and not objects.is_being_deleted(crd):
            judged = copy.deepcopy(crd)
            if resourcenames.accept(cluster, judged):
                status.write(cluster, crds.GROUP, crds.PLURAL, crd, judged["status"])
    for binding in client.list(cluster, "apis.kcp.io", "apibindings"):
        claimed = {claim.get("group") or "" for claim in claims.accepted(binding)}
        if not conditions.is_true(binding, "Ready") or group in claimed:
            work.note("apibinding", cluster, binding["metadata"]["name"])
    for cached_resource in client.list(cluster, "cache.kcp.io", "cachedresources"):
        if cached_resource["spec"].get("group") == group:
            work.note("cachedresource", cluster, cached_resource["metadata"]["name"])
    return CONTINUE
