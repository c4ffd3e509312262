"""Deletes what is in a namespace that is being deleted, then lets the namespace go."""

from __future__ import annotations

from kcpcache.apimachinery import objects
from kcpcache.apimachinery.objects import JSONObject
from kcpcache.apimachinery.reconcile import CONTINUE, Outcome
from kcpcache.apimachinery.storage import Key
from workspaces.controllers import removal, status
from workspaces.kinds import finalizers
from workspaces.registry import client
from workspaces.store import content

_RETRY_SECONDS = 1.0


def reconcile(cluster: str, name: str) -> Outcome:
    """One pass over a namespace; one that is gone is swept once more for late arrivals."""
    namespace = client.get(cluster, "", "namespaces", name)
    if namespace is not None and not objects.is_being_deleted(namespace):
        return CONTINUE
    if namespace is not None and (namespace.get("status") or {}).get("phase") != "Terminating":
        status.write(cluster, "", "namespaces", namespace, {**namespace["status"], "phase": "Terminating"})
        return Outcome(retry_after_seconds=0)
    progress = removal.Progress()
    key = Key(cluster, "", "namespaces", "", "", name)
    is_gone = namespace is None
    for collection in content.collections(cluster):
        if not progress.is_exhausted:
            removal.remove(
                collection, progress, namespace=name, is_forced=is_gone, unless=key if is_gone else None
            )
    if progress.is_exhausted:
        return Outcome(retry_after_seconds=0)
    if progress.held:
        return Outcome(retry_after_seconds=_RETRY_SECONDS)
    if namespace is not None:
        client.update(cluster, "", "namespaces", name, _release)
    return CONTINUE


def _release(namespace: JSONObject) -> JSONObject:
    return finalizers.remove(namespace, finalizers.NAMESPACE)
