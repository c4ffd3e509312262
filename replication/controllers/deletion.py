"""Taking a replica away: when its CachedResource is deleted, or there is nothing to replicate any more."""

from __future__ import annotations

from kcpcache.apimachinery import objects
from kcpcache.apimachinery.objects import JSONObject
from kcpcache.apimachinery.reconcile import CONTINUE, STOP, Outcome
from replication import rows
from replication.controllers.state import GROUP, PLURAL, State
from replication.replica import connection, writer
from workspaces.controllers import status as statuses
from workspaces.kinds import finalizers
from workspaces.registry import client

RETRY_SECONDS = 2.0


def step(state: State) -> Outcome:
    """A CachedResource that is being deleted goes as soon as no key is left, whatever else is wrong with it."""
    if not objects.is_being_deleted(state.obj):
        return CONTINUE
    if not finalizers.has(state.obj, finalizers.CACHED_RESOURCE):
        state.is_gone = True
        return STOP
    if state.status.get("phase") != "Deleting":
        state.status["phase"] = "Deleting"
        statuses.write(state.cluster, GROUP, PLURAL, state.obj, state.status)
    state.is_gone = True
    if not withdraw(state.uid):
        return Outcome(stop=True, retry_after_seconds=RETRY_SECONDS)
    rows.remove(state.uid)
    client.update(state.cluster, GROUP, PLURAL, state.name, _without_finalizer)
    return STOP


def withdraw_former(cluster: str, name: str, uid: str) -> bool:
    """Remove the replicas of CachedResources of this name that went without us, as when their finalizer was taken off.

    Returns False while Redis does not answer.
    """
    for former in rows.uids_named(cluster, name) - {uid}:
        if not withdraw(former):
            return False
        rows.remove(former)
    return True


def withdraw(uid: str) -> bool:
    """Remove every key of a replica and keep late fills away; False while Redis does not answer."""
    source = rows.note_deletion(uid)
    if source is None:
        return True
    try:
        writer.drop(connection.client(), source.family)
    except connection.Error:
        return False
    return True


def _without_finalizer(obj: JSONObject) -> JSONObject:
    return finalizers.remove(obj, finalizers.CACHED_RESOURCE)
