"""Whether there is something to replicate: the resource exists, is cluster-scoped and the workspace's own."""

from __future__ import annotations

from kcpcache.apimachinery import errors
from kcpcache.apimachinery.descriptor import Descriptor
from kcpcache.apimachinery.reconcile import CONTINUE, Outcome
from replication import rows
from replication.controllers import deletion
from replication.controllers.state import State
from workspaces.registry import client

_RETRY_SECONDS = 2.0


def step(state: State) -> Outcome:
    """Set `ResourceValid`; where it is False nothing is replicated and what was goes."""
    spec = state.spec
    group, version, resource = spec.get("group") or "", spec.get("version") or "", spec["resource"]
    try:
        descriptor = client.descriptor_of(state.cluster, group, resource, version)
    except errors.NotFound:
        qualified = f"{resource}.{version}.{group}" if group else f"{resource}.{version}"
        return _invalid(state, "ResourceNotFound", f"the workspace does not serve {qualified}")
    reason, message = problem_of(descriptor)
    if reason:
        return _invalid(state, reason, message)
    state.descriptor = descriptor
    state.condition("ResourceValid", "True")
    return CONTINUE


def problem_of(descriptor: Descriptor) -> tuple[str, str]:
    """Why a resource is not replicated: reason and message, empty when it may be."""
    name = descriptor.qualified
    if descriptor.origin == "builtin" or descriptor.group == "apis.kcp.io":
        return "ResourceNotSupported", f"{name} is built in and cannot be replicated"
    if descriptor.origin == "virtual":
        return "ResourceNotSupported", f"{name} is virtual here; only its provider can replicate it"
    if descriptor.namespaced:
        return (
            "ResourceNotClusterScoped",
            f"{name} is namespaced; only cluster-scoped resources are replicated",
        )
    return "", ""


def _invalid(state: State, reason: str, message: str) -> Outcome:
    state.condition("ResourceValid", "False", reason, message)
    state.condition("ReplicationStarted", "False", "ResourceNotValid", "there is nothing to replicate")
    state.status["phase"] = "Initializing"
    state.status.pop("resourceCounts", None)
    is_withdrawn = not rows.may_exist(state.uid) or deletion.withdraw(state.uid)
    return Outcome(stop=True, retry_after_seconds=None if is_withdrawn else _RETRY_SECONDS)
