"""APIExports: identity, endpoint slice, and word to everybody who depends on them."""

from __future__ import annotations

import copy
from dataclasses import dataclass

from django.conf import settings

from kcpcache.apimachinery import errors, objects, reconcile
from kcpcache.apimachinery.conditions import set_condition
from kcpcache.apimachinery.objects import JSONObject
from kcpcache.apimachinery.reconcile import CONTINUE, STOP, Outcome
from workspaces.controllers import identity, status
from workspaces.kinds import indexes
from workspaces.registry import catalogue, client, virtual
from workspaces.store import content, tenants, work

GROUP, PLURAL = "apis.kcp.io", "apiexports"
SLICES = "apiexportendpointslices"
SKIP_SLICE = "apiexports.apis.kcp.io/skip-endpointslice"


@dataclass(slots=True)
class State:
    """A pass over one export; `status` is what it will be."""

    cluster: str
    name: str
    export: JSONObject
    status: JSONObject


def url_of(path: str, name: str) -> str:
    """The URL of an export's virtual workspace."""
    return f"{settings.KCPCACHE_EXTERNAL_URL}/services/apiexport/{path}/{name}"


def reconcile_export(cluster: str, name: str) -> Outcome:
    """One pass over an APIExport."""
    export = client.get(cluster, GROUP, PLURAL, name)
    if export is None or objects.is_being_deleted(export):
        return CONTINUE
    state = State(cluster, name, export, copy.deepcopy(export.get("status") or {}))
    state.status.setdefault("conditions", [])
    return reconcile.run(
        (
            fill_secret_reference,
            verify_identity,
            make_slice,
            publish_urls,
            check_virtual_storage,
            write_status,
        ),
        state,
    )


def fill_secret_reference(state: State) -> Outcome:
    """An export without an identity gets one; writing its reference makes for another pass."""
    spec = state.export.get("spec") or {}
    if ((spec.get("identity") or {}).get("secretRef") or {}).get("name"):
        return CONTINUE
    namespace = settings.KCPCACHE_IDENTITY_NAMESPACE
    identity.ensure_secret(state.cluster, state.name, namespace)
    wanted = {"secretRef": {"name": state.name, "namespace": namespace}}
    changed = {**state.export, "spec": {**spec, "identity": wanted}}
    client.update(state.cluster, GROUP, PLURAL, state.name, lambda _present: changed)
    return STOP


def verify_identity(state: State) -> Outcome:
    """`status.identityHash` and `IdentityValid`."""
    secret_ref = state.export["spec"]["identity"]["secretRef"]
    verdict = identity.verify(state.cluster, secret_ref, state.status.get("identityHash") or "")
    if verdict.identity_hash:
        state.status["identityHash"] = verdict.identity_hash
    _set(state, "IdentityValid", verdict.status, verdict.reason, verdict.message)
    return CONTINUE


def make_slice(state: State) -> Outcome:
    """An endpoint slice of the same name, unless an annotation says otherwise."""
    if SKIP_SLICE in objects.annotations(state.export) or client.get(
        state.cluster, GROUP, SLICES, state.name
    ):
        return CONTINUE
    owner = {
        "apiVersion": state.export["apiVersion"],
        "kind": "APIExport",
        "name": state.name,
        "uid": state.export["metadata"]["uid"],
    }
    made = {
        "metadata": {"name": state.name, "ownerReferences": [owner]},
        "spec": {"export": {"name": state.name}},
    }
    try:
        client.create(state.cluster, GROUP, SLICES, made)
    except errors.AlreadyExists:
        return CONTINUE
    return CONTINUE


def publish_urls(state: State) -> Outcome:
    """`status.virtualWorkspaces`, which older clients read, and its condition."""
    path = tenants.path_of(state.cluster)
    if path is None:
        return STOP
    state.status["virtualWorkspaces"] = [{"url": url_of(path, state.name)}]
    _set(state, "VirtualWorkspaceURLsReady", "True")
    return CONTINUE


def check_virtual_storage(state: State) -> Outcome:
    """`VirtualStorageValid`: whether every virtual resource is served, and if not, why; only where there are any."""
    conditions = state.status["conditions"]
    entries = [
        entry
        for entry in (state.export.get("spec") or {}).get("resources") or []
        if "virtual" in (entry.get("storage") or {})
    ]
    if not entries:
        state.status["conditions"] = [c for c in conditions if c["type"] != "VirtualStorageValid"]
        return CONTINUE
    for entry in entries:
        problem = virtual.problem_of(catalogue.reference_of(state.cluster, entry))
        if problem:
            message = f"{entry['name']}.{entry['group']} is not served: {problem}"
            _set(state, "VirtualStorageValid", "False", "VirtualResourceInvalid", message)
            return CONTINUE
    _set(state, "VirtualStorageValid", "True")
    return CONTINUE


def write_status(state: State) -> Outcome:
    """Store what was found out."""
    status.write(state.cluster, GROUP, PLURAL, state.export, state.status)
    return CONTINUE


def _set(state: State, type: str, verdict: str, reason: str = "", message: str = "") -> None:
    generation = state.export["metadata"].get("generation")
    set_condition(state.status["conditions"], type, verdict, reason, message, generation)


def reconcile_dependents(cluster: str, name: str) -> Outcome:
    """Have everybody looked at who refers to an export: bindings in every workspace, and endpoint slices."""
    path = tenants.path_of(cluster)
    for workspace in {cluster, path or cluster}:
        _look_at(indexes.export_value(workspace, name))
    return CONTINUE


def reconcile_references(_cluster: str, value: str) -> Outcome:
    """Have everybody looked at whose reference to an export has this index value; its workspace may be gone."""
    _look_at(value)
    return CONTINUE


def _look_at(value: str) -> None:
    for resource, controller in (("apibindings", "apibinding"), (SLICES, "apiexportendpointslice")):
        for key in content.everywhere(indexes.EXPORT, value, GROUP, resource):
            work.note(controller, key.cluster, key.name)


def reconcile_cached_resource(cluster: str, name: str) -> Outcome:
    """A CachedResource changed in a way that its exports' consumers see: their bindings are looked at."""
    slices = [
        key.name
        for key in content.holders(indexes.CACHED_RESOURCE, indexes.fitting(name), cluster)
        if key.resource == "cachedresourceendpointslices"
    ]
    exports = {
        key.name for made in slices for key in content.holders(indexes.SLICE, indexes.fitting(made), cluster)
    }
    for export in sorted(exports):
        work.note("apiexport", cluster, export)
        work.note("apiexport-dependents", cluster, export)
    return CONTINUE
