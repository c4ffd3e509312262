"""Workspaces: from the object that somebody created to a logical cluster that is ready to be used."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import orjson
from django.conf import settings

from kcpcache.apimachinery import errors, objects, reconcile
from kcpcache.apimachinery.conditions import set_condition
from kcpcache.apimachinery.objects import JSONObject
from kcpcache.apimachinery.reconcile import CONTINUE, STOP, Outcome
from workspaces import kinds
from workspaces.admission import workspacetypes
from workspaces.controllers import status, termination
from workspaces.kinds import tenancy
from workspaces.registry import client
from workspaces.store import tenants

GROUP, PLURAL = "tenancy.kcp.io", "workspaces"
_RBAC = ("rbac.authorization.k8s.io", "clusterrolebindings")
_SYSTEM_PREFIX = "system:"


@dataclass(slots=True)
class State:
    """A pass over one workspace: `parent` is the logical cluster of the object, `cluster` the one behind it."""

    parent: str
    name: str
    workspace: JSONObject
    cluster: str


def reconcile_workspace(parent: str, name: str) -> Outcome:
    """One pass over a Workspace."""
    workspace = client.get(parent, GROUP, PLURAL, name)
    if workspace is None:
        return CONTINUE
    if objects.is_being_deleted(workspace):
        return termination.reconcile(parent, workspace)
    state = State(parent, name, workspace, workspace["spec"]["cluster"])
    steps = (
        keep_address,
        make_namespaces,
        make_logical_cluster,
        bind_owner,
        bind_default_exports,
        report_ready,
    )
    return reconcile.run(steps, state)


def keep_address(state: State) -> Outcome:
    """The address is made with the object, in one transaction (`receivers`); without it there is nothing to do."""
    return CONTINUE if tenants.path_of(state.cluster) else STOP


def make_namespaces(state: State) -> Outcome:
    """The namespaces that every workspace has."""
    prepare_namespaces(state.cluster)
    return CONTINUE


def prepare_namespaces(cluster: str) -> None:
    """Make the namespaces ``default`` and that of identities, where missing."""
    for name in ("default", settings.KCPCACHE_IDENTITY_NAMESPACE):
        make_if_missing(cluster, "", "namespaces", {"metadata": {"name": name}})


def make_if_missing(cluster: str, group: str, plural: str, obj: JSONObject) -> None:
    """Create a cluster-scoped object unless one of its name exists."""
    if client.get(cluster, group, plural, obj["metadata"]["name"]) is not None:
        return
    try:
        client.create(cluster, group, plural, obj)
    except errors.AlreadyExists:
        return


def make_logical_cluster(state: State) -> Outcome:
    """The object named ``cluster``, by which clients see where they are."""
    workspace_type = state.workspace["spec"].get("type") or workspacetypes.DEFAULT
    metadata = state.workspace["metadata"]
    annotations = {
        tenancy.PATH_ANNOTATION: tenants.path_of(state.cluster) or "",
        tenancy.TYPE_ANNOTATION: f"{workspace_type.get('path') or 'root'}:{workspace_type['name']}",
    }
    owner = {
        "apiVersion": "tenancy.kcp.io/v1alpha1",
        "resource": PLURAL,
        "name": state.name,
        "cluster": state.parent,
        "uid": metadata["uid"],
    }
    made = {"metadata": {"name": "cluster", "annotations": annotations}, "spec": {"owner": owner}}
    make_if_missing(state.cluster, "core.kcp.io", "logicalclusters", made)
    return CONTINUE


def bind_owner(state: State) -> Outcome:
    """Whoever created the workspace administers it; system users need no binding."""
    if _RBAC not in kinds.BUILTIN:
        return CONTINUE
    stated = objects.annotations(state.workspace).get(tenancy.OWNER_ANNOTATION) or "{}"
    user = str(orjson.loads(stated).get("username") or "")
    if not user or user.startswith(_SYSTEM_PREFIX):
        return CONTINUE
    binding = {
        "metadata": {"name": "workspace-admin"},
        "roleRef": {"apiGroup": _RBAC[0], "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"apiGroup": _RBAC[0], "kind": "User", "name": user}],
    }
    make_if_missing(state.cluster, *_RBAC, binding)
    return CONTINUE


def bind_default_exports(state: State) -> Outcome:
    """The bindings that the type gives to each of its workspaces."""
    path = tenants.path_of(state.cluster) or ""
    found = workspacetypes.resolve(state.workspace["spec"].get("type") or workspacetypes.DEFAULT, path)
    for reference in (found.spec.get("defaultAPIBindings") if found else None) or []:
        export = {"name": reference["export"]} | (
            {"path": reference["path"]} if reference.get("path") else {}
        )
        binding = {"metadata": {"name": reference["export"]}, "spec": {"reference": {"export": export}}}
        make_if_missing(state.cluster, "apis.kcp.io", "apibindings", binding)
    return CONTINUE


def report_ready(state: State) -> Outcome:
    """Phase and conditions."""
    wanted = copy.deepcopy(state.workspace.get("status") or {})
    wanted["phase"] = "Ready"
    entries = wanted.setdefault("conditions", [])
    generation = state.workspace["metadata"].get("generation")
    for type in ("WorkspaceScheduled", "WorkspaceInitialized", "Ready"):
        set_condition(entries, type, "True", "", "", generation)
    status.write(state.parent, GROUP, PLURAL, state.workspace, wanted)
    return CONTINUE
