"""What a CachedResource's status says in sum: who consumes it, and the conditions that follow from several facts."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils import timezone

from kcpcache.apimachinery import conditions
from kcpcache.apimachinery.objects import JSONObject
from replication.controllers.state import State
from replication.virtual import exports
from workspaces.registry import addresses, bindings, client
from workspaces.store import overview

READY, SYNCED, DRIFTED, SCHEMA_IN_SYNC = "Ready", "Synced", "Drifted", "SchemaInSync"
INITIALIZING = "Initializing"  # the reason of a condition that is False because all has just begun
LAGGING_SECONDS = 1.0  # a replica that is behind for longer is not in sync
_RETRY_SECONDS = 2.0
_NECESSARY = ("IdentityValid", "ResourceValid", "ReplicationStarted", SYNCED)


def add(state: State) -> float | None:
    """Set `status.consumers` and the conditions; seconds after which to look again, None if a change will say so."""
    published = list(_published(state))
    state.status["consumers"] = _consumers(state, published)
    _compare_schemas(state, published)
    retry_after_seconds = _judge_replica(state)
    if state.source is not None and state.is_drifted:
        message = "The last audit found objects that differ from their source; the replica was filled again"
        state.condition(DRIFTED, "True", "DifferenceFound", message)
    else:
        state.condition(DRIFTED, "False")
    _sum_up(state)
    return retry_after_seconds


def _published(state: State) -> Iterator[tuple[JSONObject, JSONObject]]:
    """Each APIExport of the workspace that names a slice of this CachedResource, with its entry of `spec.resources`."""
    home = addresses.find(state.cluster)
    own = (None, "", state.cluster, home.path if home is not None else "")
    for slice_ in exports.slices_of(state.cluster, state.name):
        if slice_["spec"]["cachedResource"].get("path") in own:
            yield from exports.entries_behind(state.cluster, slice_["metadata"]["name"])


def _consumers(state: State, published: list[tuple[JSONObject, JSONObject]]) -> int:
    """How many workspaces are bound to an export that names it with the right identity."""
    home, identity_hash = addresses.find(state.cluster), state.status.get("identityHash")
    if home is None or not identity_hash:
        return 0
    names = {
        export["metadata"]["name"]
        for export, entry in published
        if entry["storage"]["virtual"].get("identityHash") == identity_hash
    }
    return len({consumer for name in names for consumer in bindings.consumers_of(home, name)})


def _compare_schemas(state: State, published: list[tuple[JSONObject, JSONObject]]) -> None:
    """Whether each schema under which it is exported still is that of the CustomResourceDefinition."""
    group, version, plural = (state.spec.get(name) or "" for name in ("group", "version", "resource"))
    crd = client.get(state.cluster, "apiextensions.k8s.io", "customresourcedefinitions", f"{plural}.{group}")
    present = _schema_of(crd, version) if crd is not None else None
    differing = []
    for export, entry in published if present is not None else []:
        schema = client.get(
            state.cluster, "apis.kcp.io", "apiresourceschemas", str(entry.get("schema") or "")
        )
        if schema is not None and _schema_of(schema, version) != present:
            differing.append(
                f"{schema['metadata']['name']}, named by APIExport {export['metadata']['name']}, differs from"
                f" version {version} of the CustomResourceDefinition"
            )
    if differing:
        state.condition(SCHEMA_IN_SYNC, "False", "SchemaOutOfSync", "; ".join(sorted(set(differing))))
    else:
        state.condition(SCHEMA_IN_SYNC, "True")


def _schema_of(obj: JSONObject, version: str) -> JSONObject | None:
    """The schema of a version in a CustomResourceDefinition or an APIResourceSchema."""
    for entry in obj["spec"].get("versions") or []:
        if entry["name"] == version:
            schema: JSONObject = entry.get("schema") or {}
            inner: JSONObject = schema.get("openAPIV3Schema", schema)
            return inner
    return None


def _judge_replica(state: State) -> float | None:
    """Set `Synced`; seconds after which to look again."""
    health = state.health
    if state.source is None:
        started = conditions.find(state.status.get("conditions") or [], "ReplicationStarted") or {}
        message = started.get("message") or "nothing is replicated yet"
        state.condition(SYNCED, "False", started.get("reason") or INITIALIZING, message)
        return None
    if health is None:
        state.condition(SYNCED, "Unknown", "RedisUnreachable", "Redis does not answer")
        return _RETRY_SECONDS
    if health.meta is None:
        if state.status.get("phase") == "Ready":
            state.condition(SYNCED, "False", "ReplicaMissing", "Redis lost the replica; it is filled again")
        else:
            state.condition(SYNCED, "False", INITIALIZING, "the first objects are on their way")
        return _RETRY_SECONDS
    if not health.is_whole:
        state.condition(
            SYNCED, "False", "ReplicaDamaged", "keys of the replica are missing; it is filled again"
        )
        return _RETRY_SECONDS
    (backlog,) = overview.backlogs([overview.Position(state.source.collection, health.meta.cursor)])
    if backlog.oldest is not None:
        age_seconds = (timezone.now() - backlog.oldest).total_seconds()
        if age_seconds > LAGGING_SECONDS:
            count = "1 change" if backlog.changes == 1 else f"{backlog.changes} changes"
            state.condition(
                SYNCED, "False", "Lagging", f"{count} of the source did not reach the replica yet"
            )
            return LAGGING_SECONDS
    state.condition(SYNCED, "True")
    return None


def _sum_up(state: State) -> None:
    """Set `Ready`: what the first condition says that is necessary and not True."""
    entries = state.status.get("conditions") or []
    for type in _NECESSARY:
        found = conditions.find(entries, type)
        if found is None or found["status"] != "True":
            reason = (found or {}).get("reason") or INITIALIZING
            state.condition(READY, "False", reason, (found or {}).get("message") or f"{type} is not True yet")
            return
    state.condition(READY, "True")
