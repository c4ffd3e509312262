"""The steps of a CachedResource that is to be replicated. Each is idempotent."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings

from kcpcache.apimachinery import errors, objects
from kcpcache.apimachinery.objects import JSONObject
from kcpcache.apimachinery.reconcile import CONTINUE, STOP, Outcome
from kcpcache.apimachinery.storage import Collection
from replication import rows
from replication.controllers import selected, summary
from replication.controllers.state import GROUP, PLURAL, SLICES, State
from replication.replica import connection, meta, wake
from workspaces.controllers import identity as identities
from workspaces.kinds import finalizers
from workspaces.registry import client

SKIP_SLICE_ANNOTATION = "cachedresources.cache.kcp.io/skip-endpointslice"

_RETRY_SECONDS = 2.0


def finalizer(state: State) -> Outcome:
    """Keep the object until its replica is gone."""
    if finalizers.has(state.obj, finalizers.CACHED_RESOURCE):
        return CONTINUE

    def held(obj: JSONObject) -> JSONObject:
        finalizers.keep(obj, finalizers.CACHED_RESOURCE)
        return obj

    return _change(state, held)


def identity(state: State) -> Outcome:
    """The identity key: a Secret of the user's or of ours, and its public hash."""
    state.status.setdefault("phase", "Initializing")
    reference = (state.spec.get("identity") or {}).get("secretRef") or {}
    if not reference.get("name"):
        namespace = settings.KCPCACHE_IDENTITY_NAMESPACE
        identities.ensure_secret(state.cluster, state.name, namespace)
        reference = {"name": state.name, "namespace": namespace}

        def referring(obj: JSONObject) -> JSONObject:
            obj["spec"].setdefault("identity", {})["secretRef"] = reference
            return obj

        if _change(state, referring).stop:
            return STOP
    verdict = identities.verify(state.cluster, reference, state.status.get("identityHash") or "")
    state.condition("IdentityValid", verdict.status, verdict.reason, verdict.message)
    if verdict.identity_hash:
        state.status["identityHash"] = verdict.identity_hash
    return CONTINUE


def endpoint_slice(state: State) -> Outcome:
    """A slice of the same name, unless it is not wanted or there is one."""
    if SKIP_SLICE_ANNOTATION in objects.annotations(state.obj):
        return CONTINUE
    if client.get(state.cluster, GROUP, SLICES, state.name) is not None:
        return CONTINUE
    owner = {
        "apiVersion": state.obj["apiVersion"],
        "kind": state.obj["kind"],
        "name": state.name,
        "uid": state.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }
    wanted = {
        "metadata": {"name": state.name, "ownerReferences": [owner]},
        "spec": {"cachedResource": {"name": state.name}},
    }
    try:
        client.create(state.cluster, GROUP, SLICES, wanted)
    except errors.AlreadyExists:
        return CONTINUE  # somebody's own is as good
    return CONTINUE


def replicate(state: State) -> Outcome:
    """Have the replica exist with the present source and selector; workers fill and feed it."""
    if not state.status.get("identityHash"):
        state.condition("ReplicationStarted", "False", "IdentityNotValid", "there is no identity yet")
        return STOP
    descriptor, spec = state.descriptor, state.spec
    assert descriptor is not None  # the step before found it
    collection = Collection(state.cluster, descriptor.group, descriptor.plural, descriptor.identity)
    row, is_new = rows.declare(
        state.uid, collection, state.name, spec["version"], spec.get("labelSelector") or {}
    )
    state.source, state.is_drifted = rows.source_of(row), row.is_drifted
    if is_new:
        wake.begin(state.source.family)
    return CONTINUE


def counts(state: State) -> Outcome:
    """How many objects are selected and how many lie in the cache; Ready when they were brought there once."""
    assert state.source is not None  # the step before declared it
    try:
        (health,) = meta.inspect(connection.client(), [state.source.family])
    except connection.Error:
        return Outcome(retry_after_seconds=_RETRY_SECONDS)
    state.health = health
    if health.meta is None:
        if state.status.get("phase") != "Ready":
            state.condition(
                "ReplicationStarted", "False", summary.INITIALIZING, "the first objects are on their way"
            )
        elif "resourceCounts" in state.status:
            state.status["resourceCounts"]["cache"] = 0
        return Outcome(retry_after_seconds=_RETRY_SECONDS)
    local = selected.count(state.source, health.meta)
    state.status["resourceCounts"] = {"local": local, "cache": health.objects}
    state.condition("ReplicationStarted", "True")
    state.status["phase"] = "Ready"
    return CONTINUE


def _change(state: State, change: Callable[[JSONObject], JSONObject]) -> Outcome:
    """Change the object itself, and go on with it as it is then; stop where it is gone."""
    changed = client.update(state.cluster, GROUP, PLURAL, state.name, change)
    if changed is None:
        state.is_gone = True
        return STOP
    state.obj = changed
    return CONTINUE
