"""How every CachedResource is: one value each, computed from a bounded number of statements."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from django.utils import timezone
from django.utils.dateparse import parse_datetime

from kcpcache.apimachinery import objects
from kcpcache.apimachinery.objects import JSONObject
from replication.insight import diagnosis, facts, publication, workers
from replication.insight.facts import Facts
from replication.insight.problems import Problem
from workspaces.registry import addresses

__all__ = ["Health", "Problem", "all", "judge", "one"]

_LAGGING_SECONDS = 5.0  # a sweep makes good within this time whatever hint was lost


@dataclass(frozen=True, slots=True)
class Health:
    """One CachedResource: what it is of, how far its replica is, and what is wrong.

    `lag_changes` are the changes of the source that the replica has not seen, `lag_seconds` is the age of the
    oldest of them. `local` objects are selected, `cache` lie in Redis; None while that is not known. `differs`:
    the replica does not hold what it should. `drifts` counts audits that found such. `revision` is the
    replica's, 0 while there is none. `labels` are the CachedResource's own.
    """

    cluster: str
    workspace: str
    name: str
    uid: str
    group: str
    version: str
    resource: str
    phase: str
    is_ready: bool
    is_synced: bool
    lag_changes: int
    lag_seconds: float
    last_sync: datetime.datetime | None
    local: int | None
    cache: int | None
    differs: bool
    drifts: int
    consumers: int
    revision: int
    conditions: list[JSONObject]
    problems: list[Problem]
    labels: dict[str, str]
    created: datetime.datetime | None


def all(workspace: str = "") -> list[Health]:
    """Every CachedResource, or those of the workspace with this path or cluster name, by path and name.

    The number of statements does not depend on the number of CachedResources (one more for each 500).
    """
    cluster = None
    if workspace:
        address = addresses.find(workspace)
        if address is None:
            return []
        cluster = address.cluster
    return judge(facts.gather(cluster))


def one(cluster: str, name: str) -> Health | None:
    """One CachedResource by logical cluster and name; None when there is none."""
    return next(iter(judge(facts.gather(cluster, name))), None)


def judge(found: Facts) -> list[Health]:
    """The CachedResources among facts that were gathered already, by path and name; no further statement."""
    has_worker = bool(workers.alive("replication")) or bool(found.redis_error)
    now = timezone.now()
    made = [_health(found, cluster, obj, has_worker, now) for cluster, obj in found.cachedresources]
    return sorted(made, key=lambda health: (health.workspace, health.name))


def _health(found: Facts, cluster: str, obj: JSONObject, has_worker: bool, now: datetime.datetime) -> Health:
    metadata, spec, status = obj["metadata"], obj["spec"], obj.get("status") or {}
    uid = str(metadata["uid"])
    row, replica, backlog = found.rows.get(uid), found.replicas.get(uid), found.backlogs.get(uid)
    present = replica.meta if replica is not None else None
    lag_changes = backlog.changes if backlog else 0
    lag_seconds = (
        max(0.0, (now - backlog.oldest).total_seconds()) if backlog is not None and backlog.oldest else 0.0
    )
    is_whole = replica is not None and replica.is_whole
    is_synced = present is not None and is_whole and not present.is_settling and not lag_changes
    counts = status.get("resourceCounts") or {}
    is_lagging = lag_seconds > _LAGGING_SECONDS
    wrong = [
        *diagnosis.of_object(found, cluster, obj),
        *diagnosis.of_replica(found, uid, obj, is_lagging=is_lagging, has_worker=has_worker),
        *publication.problems(found, cluster, obj),
    ]
    return Health(
        cluster=cluster,
        workspace=found.paths.get(cluster, cluster),
        name=str(metadata["name"]),
        uid=uid,
        group=str(spec.get("group") or ""),
        version=str(spec.get("version") or ""),
        resource=str(spec["resource"]),
        phase="Deleting" if objects.is_being_deleted(obj) else str(status.get("phase") or "Initializing"),
        is_ready=status.get("phase") == "Ready" and not wrong,
        is_synced=is_synced,
        lag_changes=lag_changes,
        lag_seconds=round(lag_seconds, 3),
        last_sync=diagnosis.last_sync(row, present),
        local=present.count if present is not None and is_synced else counts.get("local"),
        cache=replica.objects if replica is not None and present is not None else None,
        differs=bool(row and row.is_drifted) or (present is not None and not is_whole),
        drifts=row.drifts if row else 0,
        consumers=len(publication.consumers(found, cluster, obj)),
        revision=present.cursor if present is not None else 0,
        conditions=status.get("conditions") or [],
        problems=list(dict.fromkeys(wrong)),
        labels=dict(objects.labels(obj)),
        created=parse_datetime(str(metadata.get("creationTimestamp") or "")),
    )
