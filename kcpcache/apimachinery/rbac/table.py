"""What one user may do in one logical cluster, compiled from its roles and bindings.

A `Table` is made once for a user and asked often: it knows which bindings name the user and keeps the rules of their
roles, cluster-wide ones apart from those of each namespace. It holds no reference to objects, so it may be remembered
until a role or a binding changes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from kcpcache.apimachinery.rbac import subjects
from kcpcache.apimachinery.rbac.rules import Attributes, Rule

JSONObject = Mapping[str, Any]

# The rules of a role, None when there is no such role: (kind, namespace, name).
Roles = Callable[[str, str, str], Iterable[Rule] | None]


@dataclass(frozen=True, slots=True)
class Grant:
    """The rules that one binding gives to a user, and the sentence that says so."""

    rules: tuple[Rule, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a request is allowed, and by which binding and role; `reason` is empty when nothing allows it."""

    allowed: bool
    reason: str = ""


_NO = Decision(False)


@dataclass(slots=True)
class Table:
    """The grants of one user: everywhere, and by namespace."""

    everywhere: list[Grant] = field(default_factory=list)
    by_namespace: dict[str, list[Grant]] = field(default_factory=dict)

    def decide(self, asked: Attributes) -> Decision:
        """The first grant that allows a request. A path is granted cluster-wide only."""
        grants: Iterable[Grant] = self.everywhere
        if asked.resource and asked.namespace:
            grants = [*grants, *self.by_namespace.get(asked.namespace, ())]
        for grant in grants:
            if any(rule.allows(asked) for rule in grant.rules):
                return Decision(True, grant.reason)
        return _NO

    def rules(self, namespace: str = "") -> list[Rule]:
        """All rules that hold in a namespace, or at the cluster scope, each once."""
        grants = [*self.everywhere, *(self.by_namespace.get(namespace, ()) if namespace else ())]
        return list(dict.fromkeys(rule for grant in grants for rule in grant.rules))


def compiled(
    user: str,
    groups: Collection[str],
    cluster_role_bindings: Iterable[JSONObject],
    role_bindings: Iterable[JSONObject],
    roles: Roles,
) -> Table:
    """The table of a user. A binding whose role does not exist grants nothing."""
    table = Table()
    for binding in cluster_role_bindings:
        if grant := _grant("ClusterRoleBinding", binding, user, groups, roles):
            table.everywhere.append(grant)
    for binding in role_bindings:
        if grant := _grant("RoleBinding", binding, user, groups, roles):
            table.by_namespace.setdefault(binding["metadata"]["namespace"], []).append(grant)
    return table


def _grant(kind: str, binding: JSONObject, user: str, groups: Collection[str], roles: Roles) -> Grant | None:
    metadata, reference = binding["metadata"], binding["roleRef"]
    namespace = (metadata.get("namespace") or "") if kind == "RoleBinding" else ""
    named = next(
        (
            subject
            for subject in binding.get("subjects") or ()
            if subjects.names(subject, user, groups, namespace)
        ),
        None,
    )
    if named is None or (reference["kind"] == "Role" and not namespace):
        return None
    found = roles(reference["kind"], namespace if reference["kind"] == "Role" else "", reference["name"])
    if found is None:
        return None
    place = f"{metadata['name']}/{namespace}" if namespace else metadata["name"]
    reason = (
        f'RBAC: allowed by {kind} "{place}" of {reference["kind"]} "{reference["name"]}" '
        f"to {subjects.text(named)}"
    )
    return Grant(tuple(found), reason)
