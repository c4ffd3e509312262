"""Types of workspaces: which one a new workspace has, and whether it may lie where it is created."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kcpcache.apimachinery import errors, objects
from kcpcache.apimachinery.objects import JSONObject
from kcpcache.apimachinery.storage import Key
from workspaces.registry import addresses
from workspaces.store import objects as store

TYPE_ANNOTATION = "internal.tenancy.kcp.io/type"
DEFAULT = {"name": "universal", "path": "root"}


@dataclass(frozen=True, slots=True)
class WorkspaceType:
    """A type and the path of the workspace in which it is defined."""

    path: str
    name: str
    spec: JSONObject

    @property
    def qualified(self) -> str:
        """``path:name``, as kcp writes it in annotations."""
        return f"{self.path}:{self.name}"


def admit(cluster: str, path: str, workspace: JSONObject) -> None:
    """Settle the type of a workspace that is created in `cluster`, whose path is `path` (in place).

    Raises Forbidden: no such type, the parent's type does not allow it, or the parent is being deleted.
    """
    parent = _read(cluster, "core.kcp.io", "logicalclusters", "cluster") or {}
    if objects.is_being_deleted(parent):
        raise _forbidden(workspace, f"workspace {path} is being deleted")
    parent_type = _of_parent(parent)
    reference = workspace["spec"].get("type") or _default_child(parent_type)
    found = resolve(reference, path)
    if found is None:
        raise _forbidden(workspace, f'workspacetype "{reference["name"]}" is not known to workspace {path}')
    workspace["spec"]["type"] = {"name": found.name, "path": found.path}
    if parent_type is not None:
        _check(workspace, parent_type, found)


def resolve(reference: JSONObject, path: str) -> WorkspaceType | None:
    """The type that a reference in workspace `path` names: without a path, the nearest one going up."""
    if reference.get("path"):
        return _find(reference["path"], reference["name"])
    parts = path.split(":")
    for length in range(len(parts), 0, -1):
        if found := _find(":".join(parts[:length]), reference["name"]):
            return found
    return None


def _find(path: str, name: str) -> WorkspaceType | None:
    address = addresses.find(path)
    if address is None:
        return None
    stored = _read(address.cluster, "tenancy.kcp.io", "workspacetypes", name)
    return WorkspaceType(address.path, name, stored.get("spec") or {}) if stored else None


def _of_parent(parent: JSONObject) -> WorkspaceType | None:
    path, _, name = objects.annotations(parent).get(TYPE_ANNOTATION, "").rpartition(":")
    return _find(path, name) if name else None


def _default_child(parent_type: WorkspaceType | None) -> JSONObject:
    stated: JSONObject | None = parent_type.spec.get("defaultChildWorkspaceType") if parent_type else None
    return stated or DEFAULT


def _check(workspace: JSONObject, parent: WorkspaceType, child: WorkspaceType) -> None:
    """Both sides may limit the other: `limitAllowedChildren` of the parent, `limitAllowedParents` of the child."""
    for limit, limited, other in (
        (parent.spec.get("limitAllowedChildren"), parent, child),
        (child.spec.get("limitAllowedParents"), child, parent),
    ):
        if limit and (limit.get("none") or not _is_among(other, limit.get("types") or ())):
            raise _forbidden(
                workspace,
                f"workspace type {limited.qualified} does not allow type {other.qualified} as "
                f"{'a child' if limited is parent else 'the parent'}",
            )


def _is_among(wanted: WorkspaceType, allowed: Iterable[JSONObject]) -> bool:
    """Whether a type, or one that it extends, is in a list."""
    names = {(entry.get("path") or wanted.path, entry["name"]) for entry in allowed}
    extended = (wanted.spec.get("extend") or {}).get("with") or ()
    own = {(wanted.path, wanted.name)} | {
        (entry.get("path") or wanted.path, entry["name"]) for entry in extended
    }
    return not names.isdisjoint(own)


def _read(cluster: str, group: str, plural: str, name: str) -> JSONObject | None:
    record = store.get(Key(cluster, group, plural, "", "", name))
    return objects.decode(record.body) if record else None


def _forbidden(workspace: JSONObject, problem: str) -> errors.Forbidden:
    name = workspace["metadata"]["name"]
    return errors.Forbidden(
        f'workspaces.tenancy.kcp.io "{name}" is forbidden: {problem}',
        group="tenancy.kcp.io",
        kind="workspaces",
        name=name,
    )
