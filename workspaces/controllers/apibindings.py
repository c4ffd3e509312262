"""APIBindings: what an export offers becomes part of a workspace, or a condition says why not."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field

from kcpcache.apimachinery import objects, reconcile
from kcpcache.apimachinery.conditions import find, set_condition
from kcpcache.apimachinery.objects import JSONObject
from kcpcache.apimachinery.reconcile import CONTINUE, STOP, Outcome
from workspaces.admission import resourcenames
from workspaces.controllers import permissionclaims, status, unbinding
from workspaces.registry import addresses, catalogue, claims, client, virtual
from workspaces.registry.addresses import WorkspaceAddress
from workspaces.registry.resolver import resolver
from workspaces.store import objects as store

GROUP, PLURAL = "apis.kcp.io", "apibindings"


@dataclass(slots=True)
class State:
    """A pass over one binding; `status` is what it will be."""

    cluster: str
    name: str
    binding: JSONObject
    status: JSONObject
    provider: WorkspaceAddress | None = None
    export: JSONObject = field(default_factory=dict)
    schemas: list[tuple[JSONObject, JSONObject]] = field(
        default_factory=list
    )  # entry of the export, its schema
    conflict: str = ""

    def set(self, type: str, verdict: str, reason: str = "", message: str = "") -> None:
        """Set a condition."""
        generation = self.binding["metadata"].get("generation")
        set_condition(self.status["conditions"], type, verdict, reason, message, generation)


def reconcile_binding(cluster: str, name: str) -> Outcome:
    """One pass over an APIBinding."""
    binding = client.get(cluster, GROUP, PLURAL, name)
    if binding is None:
        return CONTINUE
    if objects.is_being_deleted(binding):
        return unbinding.reconcile(cluster, binding)
    state = State(cluster, name, binding, copy.deepcopy(binding.get("status") or {}))
    state.status.setdefault("conditions", [])
    outcome = reconcile.run(STEPS, state)
    _summarize(state)
    status.write(cluster, GROUP, PLURAL, binding, state.status)
    return Outcome(retry_after_seconds=outcome.retry_after_seconds)


def find_export(state: State) -> Outcome:
    """The export that the reference names, with its identity."""
    reference = state.binding["spec"]["reference"]["export"]
    own = addresses.find(state.cluster)
    state.provider = addresses.relative(reference.get("path") or "", own) if own else None
    found = None
    if state.provider is not None:
        found = client.get(state.provider.cluster, GROUP, "apiexports", reference["name"])
    if state.provider is None or found is None:
        where = f"{reference.get('path') or (own.path if own else state.cluster)}:{reference['name']}"
        state.set("APIExportValid", "False", "APIExportNotFound", f"APIExport {where} not found")
        return STOP
    if not (found.get("status") or {}).get("identityHash"):
        state.set(
            "APIExportValid", "False", "MissingIdentityHash", "APIExport is missing status.identityHash"
        )
        return STOP
    state.export = found
    return CONTINUE


def check_identity(state: State) -> Outcome:
    """What is stored here under another identity stays as it is: who offers the export now did not bind it.

    The former export may come back (with its workspace and its key) and is served again; a consumer who does not
    want that deletes the binding, and with it what is stored.
    """
    assert state.provider is not None
    former = state.status.get("apiExportClusterName") or state.provider.cluster
    now = (state.provider.cluster, state.export["status"]["identityHash"])
    for entry in state.status.get("boundResources") or []:
        held = unbinding.collection_of(state.cluster, former, entry)
        if (former, entry["schema"]["identityHash"]) != now and store.exists(held):
            message = (
                f"APIExport {state.provider.path}:{state.export['metadata']['name']} has another identity than the one "
                f"under which objects of {entry['resource']}.{entry['group']} are stored here; bring that identity "
                "back, or delete this APIBinding, which deletes those objects, and bind again"
            )
            state.set("APIExportValid", "False", "IdentityChanged", message)
            return STOP
    state.status["apiExportClusterName"] = state.provider.cluster
    return CONTINUE


def find_schemas(state: State) -> Outcome:
    """The schemas that the export names; they must be about the resources they are named for."""
    assert state.provider is not None
    for entry in (state.export.get("spec") or {}).get("resources") or []:
        schema = client.get(state.provider.cluster, GROUP, "apiresourceschemas", entry["schema"])
        if schema is None:
            message = f"APIResourceSchema {state.provider.path}:{entry['schema']} not found"
            state.set("APIExportValid", "False", "APIResourceSchemaNotFound", message)
            return STOP
        spec = schema["spec"]
        if (spec["group"], spec["names"]["plural"]) != (entry["group"], entry["name"]):
            message = (
                f"APIResourceSchema {entry['schema']} is not of resource {entry['name']}.{entry['group']}"
            )
            state.set("APIExportValid", "False", "APIResourceSchemaInvalid", message)
            return STOP
        state.schemas.append((entry, schema))
    state.set("APIExportValid", "True")
    return CONTINUE


def check_names(state: State) -> Outcome:
    """Names that a CRD or another binding has here already stay theirs, and so that resource is not bound."""
    free = []
    for entry, schema in state.schemas:
        taken = resourcenames.taken(state.cluster, entry["group"], except_binding=state.name)
        conflict = taken.conflict(schema["spec"]["names"])
        if conflict:
            state.conflict = state.conflict or f"{entry['name']}.{entry['group']} cannot be bound: {conflict}"
        else:
            free.append((entry, schema))
    state.schemas = free
    return CONTINUE


def bind(state: State) -> Outcome:
    """`status.boundResources` and the phase. A first binding is whole or not at all; a later one does what it can."""
    is_first = state.status.get("phase") != "Bound"
    if state.conflict and is_first:
        state.set("InitialBindingCompleted", "False", "NamingConflicts", state.conflict)
        state.set("BindingUpToDate", "False", "NamingConflicts", state.conflict)
        return CONTINUE
    state.status["boundResources"] = _bound_resources(state)
    state.status["phase"] = "Bound"
    state.set("InitialBindingCompleted", "True")
    problem = _virtual_problem(state)
    if state.conflict:
        state.set("BindingUpToDate", "False", "NamingConflicts", state.conflict)
    elif problem:
        state.set("BindingUpToDate", "False", "VirtualResourceInvalid", problem)
    else:
        state.set("BindingUpToDate", "True")
    return CONTINUE


def _bound_resources(state: State) -> list[JSONObject]:
    identity_hash = state.export["status"]["identityHash"]
    before = {
        (entry["group"], entry["resource"]): entry for entry in state.status.get("boundResources") or []
    }
    bound = {}
    for entry, schema in state.schemas:
        key = (entry["group"], entry["name"])
        versions = [version["name"] for version in schema["spec"]["versions"] if version.get("storage")]
        stored = (before.get(key) or {}).get("storageVersions") or []
        bound[key] = {
            "group": entry["group"],
            "resource": entry["name"],
            "schema": {
                "name": schema["metadata"]["name"],
                "UID": schema["metadata"]["uid"],
                "identityHash": identity_hash,
            },
            "storageVersions": sorted({*stored, *versions}),
        }
    # A resource that left the export is remembered while objects of it lie here, so that unbinding finds them.
    for key, entry in before.items():
        if entry["schema"]["identityHash"] != identity_hash:
            continue  # nothing is stored under it, see `check_identity`
        held = unbinding.collection_of(state.cluster, state.status["apiExportClusterName"], entry)
        if key not in bound and store.exists(held):
            bound[key] = entry
    return [bound[key] for key in sorted(bound)]


def _virtual_problem(state: State) -> str:
    """Why the first of the virtual resources serves nothing; empty when all do."""
    assert state.provider is not None
    for entry, _ in state.schemas:
        if "virtual" in (entry.get("storage") or {}):
            problem = virtual.problem_of(catalogue.reference_of(state.provider.cluster, entry))
            if problem:
                return f"{entry['name']}.{entry['group']} is not served: {problem}"
    return ""


def apply_claims(state: State) -> Outcome:
    """Permission claims: what the export asks for, and what of it is accepted."""
    served: catalogue.Resources = {}
    if claims.accepted(state.binding):
        resolver().refresh()
        own = resolver().find(state.cluster)
        served = own.resources if own else {}
    for type, verdict, reason, message in permissionclaims.apply(
        state.binding, state.export, state.status, served
    ):
        state.set(type, verdict, reason, message)
    return CONTINUE


STEPS: tuple[Callable[[State], Outcome], ...] = (
    find_export,
    check_identity,
    find_schemas,
    check_names,
    bind,
    apply_claims,
)

_SUMMARIZED = ("APIExportValid", "InitialBindingCompleted", "BindingUpToDate", "PermissionClaimsValid")


def _summarize(state: State) -> None:
    """`Ready` is True when nothing else is False, and otherwise says what the first of them says."""
    state.status.setdefault("phase", "Binding")
    for type in _SUMMARIZED:
        condition = find(state.status["conditions"], type)
        if condition is None or condition["status"] != "True":
            stated = condition or {}
            state.set("Ready", "False", stated.get("reason") or f"{type}Unknown", stated.get("message") or "")
            return
    state.set("Ready", "True")
