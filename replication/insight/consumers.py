"""Who consumes what: one value a binding, computed from a bounded number of statements."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from kcpcache.apimachinery import conditions
from kcpcache.apimachinery.objects import JSONObject
from replication.insight import facts, publication
from replication.insight.facts import Binding, Facts
from replication.insight.health import Health
from workspaces.registry import addresses
from workspaces.store import overview


@dataclass(frozen=True, slots=True)
class Consumer:
    """One APIBinding: who binds what of whom, and how far the replicas are that it is served.

    `export` is the APIExport's name, `resources` are bound, qualified by their groups, `problem` says why it is
    not ready, `served_revision` is the oldest of its replicas' revisions: None where nothing of it is cached.
    """

    cluster: str
    workspace: str
    binding: str
    export: str
    provider_workspace: str
    resources: list[str]
    phase: str
    is_ready: bool
    problem: str
    served_revision: int | None


def all(workspace: str = "") -> list[Consumer]:
    """Every binding, or those in the consumer workspace with this path or cluster name."""
    cluster = None
    if workspace:
        address = addresses.find(workspace)
        if address is None:
            return []
        cluster = address.cluster
    return _made(facts.gather(), cluster)


def of(health: Health) -> list[Consumer]:
    """The consumers of one CachedResource."""
    found = facts.gather(health.cluster)
    served = {
        (binding.cluster, binding.obj["metadata"]["name"])
        for cluster, obj in found.cachedresources
        if obj["metadata"]["uid"] == health.uid
        for binding in publication.consumers(found, cluster, obj)
    }
    return [consumer for consumer in _made(found, None) if (consumer.cluster, consumer.binding) in served]


def _made(found: Facts, cluster: str | None) -> list[Consumer]:
    bindings = [
        binding
        for same_export in found.bindings.values()
        for binding in same_export
        if cluster in (None, binding.cluster)
    ]
    paths = overview.paths(
        {binding.cluster for binding in bindings} | {binding.provider for binding in bindings}
    )
    revisions = _revisions(found)
    made = [_consumer(binding, paths, revisions) for binding in bindings]
    return sorted(made, key=lambda consumer: (consumer.workspace, consumer.binding))


def _revisions(found: Facts) -> dict[tuple[str, str], int]:
    """By provider and export: the oldest revision of the replicas behind it."""
    known: dict[tuple[str, str], list[int]] = defaultdict(list)
    for cluster, obj in found.cachedresources:
        replica = found.replicas.get(obj["metadata"]["uid"])
        if replica is not None and replica.meta is not None:
            for export in {export["metadata"]["name"] for export, _ in publication.uses(found, cluster, obj)}:
                known[(cluster, export)].append(replica.meta.cursor)
    return {export: min(cursors) for export, cursors in known.items()}


def _consumer(binding: Binding, paths: dict[str, str], revisions: dict[tuple[str, str], int]) -> Consumer:
    status = binding.obj.get("status") or {}
    reference = (((binding.obj.get("spec") or {}).get("reference") or {}).get("export")) or {}
    is_ready = binding.is_bound and conditions.is_true(binding.obj, "Ready")
    return Consumer(
        cluster=binding.cluster,
        workspace=paths.get(binding.cluster, binding.cluster),
        binding=str(binding.obj["metadata"]["name"]),
        export=binding.export,
        provider_workspace=paths.get(binding.provider, str(reference.get("path") or "")),
        resources=[_qualified(entry) for entry in status.get("boundResources") or []],
        phase=str(status.get("phase") or "Binding"),
        is_ready=is_ready,
        problem="" if is_ready else _problem(binding.obj),
        served_revision=revisions.get((binding.provider, binding.export)) if binding.is_bound else None,
    )


def _qualified(entry: JSONObject) -> str:
    return f"{entry['resource']}.{entry['group']}" if entry.get("group") else str(entry["resource"])


def _problem(obj: JSONObject) -> str:
    """What the first condition that is False says; `Ready` sums up the others."""
    for entry in sorted(
        (obj.get("status") or {}).get("conditions") or [], key=lambda entry: bool(entry["type"] == "Ready")
    ):
        if entry["status"] == "False":
            return f"{entry.get('reason') or entry['type']}: {entry.get('message') or ''}".rstrip(": ")
    return "no worker has looked at it yet"
