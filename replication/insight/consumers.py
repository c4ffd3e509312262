"""Who consumes what: one value a binding, computed from a bounded number of statements."""

from __future__ import annotations

import datetime
from collections import defaultdict
from dataclasses import dataclass

from django.utils import timezone

from replication.insight import bindings, facts, publication
from replication.insight.bindings import Binding
from replication.insight.facts import Facts
from replication.insight.health import Health
from workspaces.registry import addresses
from workspaces.store import overview

# For a worker to look at a binding that was made; for finalizers in the consumer's workspace, which are not waited for
# that long.
_PATIENCE_SECONDS = {bindings.NOT_RECONCILED: 10.0, bindings.DELETING: 120.0}


@dataclass(frozen=True, slots=True)
class Consumer:
    """One APIBinding: who binds what of whom, and how far the replicas are that it is served.

    `export` is the APIExport's name, `resources` are bound, qualified by their groups, `reason` and `problem` say why
    it is not ready, `served_revision` is the oldest of its replicas' revisions: None where nothing of it is cached.
    `is_settling`: it is not ready, but was only just made or deleted.
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
    reason: str = ""
    is_settling: bool = False


def all(workspace: str = "") -> list[Consumer]:
    """Every binding, or those in the consumer workspace with this path or cluster name."""
    cluster = None
    if workspace:
        address = addresses.find(workspace)
        if address is None:
            return []
        cluster = address.cluster
    return judge(facts.gather(), cluster)


def of(health: Health) -> list[Consumer]:
    """The consumers of one CachedResource."""
    found = facts.gather(health.cluster)
    served = {
        (binding.cluster, binding.name)
        for cluster, obj in found.cachedresources
        if obj["metadata"]["uid"] == health.uid
        for binding in publication.consumers(found, cluster, obj)
    }
    return [consumer for consumer in judge(found) if (consumer.cluster, consumer.binding) in served]


def judge(found: Facts, cluster: str | None = None) -> list[Consumer]:
    """The bindings among facts that were gathered already, or those of one logical cluster, by path and name."""
    bound = [
        binding
        for same_export in found.bindings.values()
        for binding in same_export
        if cluster in (None, binding.cluster)
    ]
    paths = overview.paths({binding.cluster for binding in bound} | {binding.provider for binding in bound})
    revisions, now = _revisions(found), timezone.now()
    made = [_consumer(binding, paths, revisions, now) for binding in bound]
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


def _consumer(
    binding: Binding,
    paths: dict[str, str],
    revisions: dict[tuple[str, str], int],
    now: datetime.datetime,
) -> Consumer:
    return Consumer(
        cluster=binding.cluster,
        workspace=paths.get(binding.cluster, binding.cluster),
        binding=binding.name,
        export=binding.export,
        provider_workspace=paths.get(binding.provider, binding.path),
        resources=list(binding.resources),
        phase=binding.phase,
        is_ready=binding.is_ready,
        problem=_problem(binding),
        served_revision=revisions.get((binding.provider, binding.export)) if binding.is_bound else None,
        reason=binding.reason,
        is_settling=_is_settling(binding, now),
    )


def _problem(binding: Binding) -> str:
    if binding.reason in ("", bindings.NOT_RECONCILED):
        return binding.message
    return f"{binding.reason}: {binding.message}".rstrip(": ")


def _is_settling(binding: Binding, now: datetime.datetime) -> bool:
    """Whether a binding that is not ready may become so, or go, by itself and soon."""
    patience = _PATIENCE_SECONDS.get(binding.reason, 0.0)
    return binding.since is not None and (now - binding.since).total_seconds() < patience
