"""What is wrong with one CachedResource itself and with its replica; pure functions of the facts."""

from __future__ import annotations

import datetime

from kcpcache.apimachinery import objects
from kcpcache.apimachinery.objects import JSONObject
from replication.insight import problems
from replication.insight.facts import Facts
from replication.insight.problems import Problem
from replication.models import Replica
from replication.replica.meta import Meta

# Conditions that sum up others, or that are judged from live figures here.
_SUMMARIES = {"Ready", "Synced", "Drifted"}
_CONSEQUENCES = {"ResourceNotValid", "IdentityNotValid", "Initializing"}


def of_object(found: Facts, cluster: str, obj: JSONObject) -> list[Problem]:
    """What its conditions and the last attempt to reconcile it say."""
    status = obj.get("status") or {}
    wrong = [
        problems.of(
            entry.get("reason") or entry["type"], entry.get("message") or "It is False.", entry["type"]
        )
        for entry in status.get("conditions") or []
        if entry["status"] == "False"
        and entry["type"] not in _SUMMARIES
        and entry.get("reason") not in _CONSEQUENCES
        and entry.get("severity") != "Info"
    ]
    failure = found.failures.get((cluster, obj["metadata"]["name"]))
    if failure is not None:
        message = f"The last of {failure.attempts} attempts failed: {failure.error}"
        wrong.append(problems.of("ReconcileFailed", message))
    if not status.get("conditions") and not objects.is_being_deleted(obj):
        wrong.append(problems.of("NotReconciled", "No worker has looked at it yet."))
    return wrong


def of_replica(
    found: Facts, uid: str, obj: JSONObject, *, is_lagging: bool, has_worker: bool
) -> list[Problem]:
    """What Redis and the row of the replica say."""
    row, backlog = found.rows.get(uid), found.backlogs.get(uid)
    wrong: list[Problem] = []
    if not has_worker:
        wrong.append(problems.of("NoWorker", "No worker for the queue replication is at work."))
    if row is None:
        return wrong
    if found.redis_error:
        wrong.append(problems.of("RedisUnreachable", f"Redis does not answer ({found.redis_error})."))
    else:
        wrong += _of_state(found, uid, obj)
    if row.error:
        wrong.append(problems.of("SyncFailed", row.error))
    if is_lagging and backlog is not None:
        count = "1 change" if backlog.changes == 1 else f"{backlog.changes} changes"
        wrong.append(problems.of("Lagging", f"{count} of the source did not reach the replica yet."))
    if row.is_drifted:
        wrong.append(problems.of("Drifted", "The last audit found a replica that differs from its source."))
    return wrong


def _of_state(found: Facts, uid: str, obj: JSONObject) -> list[Problem]:
    replica = found.replicas.get(uid)
    if replica is None or replica.meta is None:
        message = "Redis has no replica of it; consumers are answered from the database."
        return [problems.of("ReplicaMissing", message)]
    if not replica.is_whole:
        message = f"Of {replica.meta.count} objects {replica.objects} lie in Redis, or names or history are missing."
        return [problems.of("ReplicaDamaged", message)]
    return []


def last_sync(row: Replica | None, present: Meta | None) -> datetime.datetime | None:
    """When the last batch went into the replica, as Redis says, else as the database remembers."""
    if present is not None:
        return datetime.datetime.fromtimestamp(present.updated, datetime.UTC)
    return row.last_sync if row is not None else None
