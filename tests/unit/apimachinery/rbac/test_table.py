"""What a user may do by its roles and bindings, held against a plain model of RBAC."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from kcpcache.apimachinery.rbac import table
from kcpcache.apimachinery.rbac.rules import Attributes, Rule
from tests.unit.apimachinery.rbac import model

NAMES = st.sampled_from(["a", "b"])
NAMESPACES = st.sampled_from(["one", "two"])
VERBS = st.sampled_from(["get", "list", "*"])
GROUPS = st.sampled_from(["", "apps", "*"])
RESOURCES = st.sampled_from(["pods", "nodes", "pods/log", "*/log", "*"])
PATHS = st.sampled_from(["*", "/api", "/api/*", "/healthz"])
USERS = ["alice", "bob", "system:serviceaccount:one:a"]
USER_GROUPS = ["team", "system:authenticated"]

resource_rules = st.fixed_dictionaries(
    {
        "verbs": st.lists(VERBS, min_size=1, max_size=2),
        "apiGroups": st.lists(GROUPS, min_size=1, max_size=2),
        "resources": st.lists(RESOURCES, min_size=1, max_size=2),
    },
    optional={"resourceNames": st.lists(NAMES, max_size=2)},
)
path_rules = st.fixed_dictionaries(
    {
        "verbs": st.lists(VERBS, min_size=1, max_size=2),
        "nonResourceURLs": st.lists(PATHS, min_size=1, max_size=2),
    }
)
rules = st.lists(resource_rules | path_rules, min_size=1, max_size=3)
subjects = st.one_of(
    st.builds(lambda name: {"kind": "User", "name": name}, st.sampled_from(USERS)),
    st.builds(lambda name: {"kind": "Group", "name": name}, st.sampled_from(USER_GROUPS)),
    st.fixed_dictionaries(
        {"kind": st.just("ServiceAccount"), "name": NAMES}, optional={"namespace": NAMESPACES}
    ),
)


def _named(kind: str, **fields: Any) -> st.SearchStrategy[dict[str, Any]]:
    metadata = {"name": NAMES}
    if kind in ("Role", "RoleBinding"):
        metadata["namespace"] = NAMESPACES
    return st.fixed_dictionaries(
        {"kind": st.just(kind), "metadata": st.fixed_dictionaries(metadata), **fields}
    )


def _reference(*kinds: str) -> st.SearchStrategy[dict[str, str]]:
    return st.fixed_dictionaries({"kind": st.sampled_from(kinds), "name": NAMES})


cluster_objects = st.lists(
    st.one_of(
        _named("Role", rules=rules),
        _named("ClusterRole", rules=rules),
        _named(
            "RoleBinding",
            subjects=st.lists(subjects, min_size=1, max_size=2),
            roleRef=_reference("Role", "ClusterRole"),
        ),
        _named(
            "ClusterRoleBinding",
            subjects=st.lists(subjects, min_size=1, max_size=2),
            roleRef=_reference("ClusterRole"),
        ),
    ),
    min_size=4,
    max_size=8,
    unique_by=lambda obj: (obj["kind"], obj["metadata"].get("namespace"), obj["metadata"]["name"]),
)
requests = st.one_of(
    st.builds(
        Attributes,
        verb=st.sampled_from(["get", "list", ""]),
        group=st.sampled_from(["", "apps"]),
        resource=st.sampled_from(["pods", "nodes"]),
        subresource=st.sampled_from(["", "log", "status"]),
        namespace=st.sampled_from(["", "one", "two"]),
        name=st.sampled_from(["", "a", "b"]),
    ),
    st.builds(
        Attributes,
        verb=st.sampled_from(["get", "list", ""]),
        path=st.sampled_from(["/api", "/api/v1", "/healthz", "/"]),
    ),
)


def compiled(objects: Iterable[dict[str, Any]], user: str, groups: Iterable[str]) -> table.Table:
    """The table of a user over some RBAC objects."""
    by_kind: dict[str, list[dict[str, Any]]] = {}
    for obj in objects:
        by_kind.setdefault(obj["kind"], []).append(obj)

    def roles(kind: str, namespace: str, name: str) -> list[Rule] | None:
        for role in by_kind.get(kind, ()):
            if role["metadata"]["name"] == name and role["metadata"].get("namespace", "") == namespace:
                return [Rule.of(rule) for rule in role["rules"]]
        return None

    return table.compiled(
        user, list(groups), by_kind.get("ClusterRoleBinding", ()), by_kind.get("RoleBinding", ()), roles
    )


def test_decisions_are_those_of_the_plain_model() -> None:
    seen: Counter[bool] = Counter()

    @settings(max_examples=1500, deadline=None)
    @given(
        cluster_objects, st.sampled_from(USERS), st.lists(st.sampled_from(USER_GROUPS), unique=True), requests
    )
    def check(objects: list[dict[str, Any]], user: str, groups: list[str], asked: Attributes) -> None:
        decision = compiled(objects, user, groups).decide(asked)
        assert decision.allowed == model.allowed(asked, user, groups, objects)
        assert bool(decision.reason) == decision.allowed
        seen[decision.allowed] += 1

    check()
    assert min(seen[True], seen[False]) > 50, f"too few of one kind to prove anything: {seen}"


def test_the_rules_that_hold_are_those_that_decide() -> None:
    @settings(max_examples=1000, deadline=None)
    @given(cluster_objects, st.sampled_from(USERS), requests)
    def check(objects: list[dict[str, Any]], user: str, asked: Attributes) -> None:
        made = compiled(objects, user, ["team"])
        by_rules = any(rule.allows(asked) for rule in made.rules(asked.namespace if asked.resource else ""))
        assert by_rules == made.decide(asked).allowed or (not asked.resource and by_rules)

    check()


def test_reason_names_the_binding_the_role_and_the_subject() -> None:
    objects = [
        {"kind": "Role", "metadata": {"name": "reader", "namespace": "one"}, "rules": [
            {"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}]},
        {"kind": "RoleBinding", "metadata": {"name": "readers", "namespace": "one"},
         "subjects": [{"kind": "ServiceAccount", "name": "a"}], "roleRef": {"kind": "Role", "name": "reader"}},
    ]  # fmt: skip
    asked = Attributes("get", "", "pods", namespace="one")
    decision = compiled(objects, "system:serviceaccount:one:a", ()).decide(asked)
    assert decision.reason == (
        'RBAC: allowed by RoleBinding "readers/one" of Role "reader" to ServiceAccount "a"'
    )


def test_a_role_binding_never_grants_a_path_nor_what_is_cluster_scoped() -> None:
    objects = [
        {"kind": "ClusterRole", "metadata": {"name": "all"}, "rules": [
            {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}, {"verbs": ["*"], "nonResourceURLs": ["*"]}]},
        {"kind": "RoleBinding", "metadata": {"name": "admins", "namespace": "one"},
         "subjects": [{"kind": "User", "name": "alice"}], "roleRef": {"kind": "ClusterRole", "name": "all"}},
    ]  # fmt: skip
    made = compiled(objects, "alice", ())
    assert made.decide(Attributes("delete", "apps", "deployments", namespace="one")).allowed
    assert not made.decide(Attributes("delete", "apps", "deployments", namespace="two")).allowed
    assert not made.decide(Attributes("get", "", "nodes")).allowed
    assert not made.decide(Attributes("get", path="/metrics")).allowed


def test_a_verb_that_kubernetes_does_not_know_is_not_granted_by_a_star() -> None:
    rule = Rule.of({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "nonResourceURLs": ["*"]})
    assert rule.allows(Attributes("use", "tenancy.kcp.io", "workspacetypes"))
    assert not rule.allows(Attributes("", "tenancy.kcp.io", "workspacetypes"))
    assert not rule.allows(Attributes("", path="/"))
