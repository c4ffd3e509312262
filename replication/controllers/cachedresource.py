"""Reconciles one CachedResource: an ordered list of small idempotent steps (seed, "Resource replication")."""

from __future__ import annotations

import copy
import time

from kcpcache.apimachinery import reconcile as reconciling
from kcpcache.apimachinery.objects import JSONObject
from kcpcache.apimachinery.reconcile import Outcome
from replication.controllers import deletion, source, steps, summary
from replication.controllers.state import GROUP, PLURAL, State
from workspaces.controllers import events
from workspaces.controllers import status as statuses
from workspaces.registry import client

_INTERVAL_SECONDS = 1.0  # between two writes of a status in which only counts changed

# Reasons of conditions that follow from another one, or from the beginning of everything.
_CONSEQUENCES = {summary.INITIALIZING, "ResourceNotValid", "IdentityNotValid"}

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
    outcome = _sooner(outcome, summary.add(state))
    return _write_status(state, outcome)


def _sooner(outcome: Outcome, retry_after_seconds: float | None) -> Outcome:
    """The outcome, with the earlier of two times to look again."""
    wanted = [each for each in (outcome.retry_after_seconds, retry_after_seconds) if each is not None]
    return Outcome(outcome.stop, min(wanted, default=None))


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
    return {name: value for name, value in status.items() if name not in ("resourceCounts", "consumers")}


def _record(state: State, before: JSONObject) -> None:
    """An Event for a new phase, and for each condition that came to say that something is wrong."""
    phase = state.status.get("phase")
    if phase != before.get("phase"):
        events.record(state.cluster, state.obj, "Normal", "PhaseChanged", f"The phase is {phase} now")
    known = {entry["type"]: entry["status"] for entry in before.get("conditions") or []}
    for entry in state.status.get("conditions") or []:
        type, bad = entry["type"], "True" if entry["type"] == summary.DRIFTED else "False"
        if (
            entry["status"] == bad
            and known.get(type) != bad
            and type != summary.READY  # says again what another says
            and entry.get("reason") not in _CONSEQUENCES
        ):
            message = entry.get("message") or f"{type} is {bad}"
            events.record(state.cluster, state.obj, "Warning", entry.get("reason") or type, message)
