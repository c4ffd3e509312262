"""Reconciles one CachedResource: an ordered list of small idempotent steps (seed, "Resource replication")."""

from __future__ import annotations

import copy
import time

from kcpcache.apimachinery import reconcile as reconciling
from kcpcache.apimachinery.objects import JSONObject
from kcpcache.apimachinery.reconcile import Outcome
from replication.controllers import deletion, source, steps
from replication.controllers.state import GROUP, PLURAL, State
from workspaces.controllers import events
from workspaces.controllers import status as statuses
from workspaces.registry import client

_INTERVAL_SECONDS = 1.0  # between two writes of a status in which only counts changed

_STEPS = (
    deletion.step,
    steps.finalizer,
    steps.identity,
    steps.endpoint_slice,
    source.step,
    steps.replicate,
    steps.counts,
)

_written_at: dict[str, float] = {}  # by uid, in this process


def reconcile(cluster: str, name: str) -> Outcome:
    """Bring the world in line with one CachedResource, and its status in line with the world."""
    obj = client.get(cluster, GROUP, PLURAL, name)
    if not deletion.withdraw_former(cluster, name, obj["metadata"]["uid"] if obj else ""):
        return Outcome(stop=True, retry_after_seconds=deletion.RETRY_SECONDS)
    if obj is None:
        return Outcome()
    state = State(cluster, name, obj, copy.deepcopy(obj.get("status") or {}))
    outcome = reconciling.run(_STEPS, state)
    if state.is_gone:
        _written_at.pop(state.uid, None)
        return outcome
    return _write_status(state, outcome)


def _write_status(state: State, outcome: Outcome) -> Outcome:
    before = state.obj.get("status") or {}
    if before == state.status:
        return outcome
    wait_seconds = _written_at.get(state.uid, -_INTERVAL_SECONDS) + _INTERVAL_SECONDS - time.monotonic()
    if wait_seconds > 0 and _without_counts(before) == _without_counts(state.status):
        return Outcome(retry_after_seconds=wait_seconds)
    statuses.write(state.cluster, GROUP, PLURAL, state.obj, state.status)
    _written_at[state.uid] = time.monotonic()
    _record(state, before)
    return outcome


def _without_counts(status: JSONObject) -> JSONObject:
    return {name: value for name, value in status.items() if name != "resourceCounts"}


def _record(state: State, before: JSONObject) -> None:
    """An Event for a new phase, and for each condition that became False."""
    phase = state.status.get("phase")
    if phase != before.get("phase"):
        events.record(state.cluster, state.obj, "Normal", "PhaseChanged", f"The phase is {phase} now")
    known = {entry["type"]: entry["status"] for entry in before.get("conditions") or []}
    for entry in state.status.get("conditions") or []:
        if (
            entry["status"] == "False"
            and known.get(entry["type"]) != "False"
            and entry.get("reason") != steps.INITIALIZING
        ):
            events.record(
                state.cluster,
                state.obj,
                "Warning",
                entry.get("reason") or entry["type"],
                entry.get("message") or f"{entry['type']} is False",
            )
