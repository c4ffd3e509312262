"""Deletes the objects of a CRD that is being deleted, then lets the CRD go."""

from __future__ import annotations

from kcpcache.apimachinery import objects
from kcpcache.apimachinery.conditions import set_condition
from kcpcache.apimachinery.objects import JSONObject
from kcpcache.apimachinery.reconcile import CONTINUE, Outcome
from kcpcache.apimachinery.storage import Collection, Key
from workspaces.controllers import removal, status
from workspaces.kinds import finalizers
from workspaces.registry import client

GROUP, PLURAL = "apiextensions.k8s.io", "customresourcedefinitions"
_RETRY_SECONDS = 1.0


def reconcile(cluster: str, name: str) -> Outcome:
    """One pass over a CRD; one that is gone is swept once more for writes that overtook its end."""
    crd = client.get(cluster, GROUP, PLURAL, name)
    if crd is not None and not objects.is_being_deleted(crd):
        return CONTINUE
    if crd is not None and _announce(cluster, crd):
        return Outcome(retry_after_seconds=0)
    plural, _, group = name.partition(".")
    progress = removal.Progress()
    collection = Collection(cluster, group, plural)
    if crd is None:
        removal.remove(collection, progress, is_forced=True, unless=Key(cluster, GROUP, PLURAL, "", "", name))
    else:
        removal.remove(collection, progress)
    if progress.is_exhausted:
        return Outcome(retry_after_seconds=0)
    if progress.held:
        return Outcome(retry_after_seconds=_RETRY_SECONDS)
    if crd is not None:
        client.update(cluster, GROUP, PLURAL, name, _release)
    return CONTINUE


def _announce(cluster: str, crd: JSONObject) -> bool:
    """Set the condition `Terminating`, as kube-apiserver does."""
    wanted = {**(crd.get("status") or {})}
    wanted["conditions"] = [{**condition} for condition in wanted.get("conditions") or []]
    message = "CustomResource deletion is in progress"
    set_condition(wanted["conditions"], "Terminating", "True", "InstanceDeletionInProgress", message)
    return status.write(cluster, GROUP, PLURAL, crd, wanted)


def _release(crd: JSONObject) -> JSONObject:
    return finalizers.remove(crd, finalizers.CRD)
