"""ClusterRoles that are made of others."""

from __future__ import annotations

from typing import Any

from kcpcache.apimachinery.rbac import aggregation
from kcpcache.apimachinery.rbac.rules import Rule

READ_PODS = {"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}
READ_NODES = {"verbs": ["get"], "apiGroups": [""], "resources": ["nodes"]}
VIEW: dict[str, Any] = {
    "metadata": {"name": "view", "labels": {"to": "edit"}},
    "aggregationRule": {
        "clusterRoleSelectors": [{"matchLabels": {"to": "view"}}, {"matchLabels": {"and": "view"}}]
    },
    "rules": [],
}


def role(name: str, labels: dict[str, str], *rules: dict[str, Any]) -> dict[str, Any]:
    """A ClusterRole that states its own rules."""
    return {"metadata": {"name": name, "labels": labels}, "rules": list(rules)}


def test_an_aggregated_role_has_the_rules_of_all_that_a_selector_names_each_once() -> None:
    others = [
        role("b", {"and": "view"}, READ_NODES, READ_PODS),
        role("a", {"to": "view"}, READ_PODS),
        role("c", {"to": "edit"}, {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}),
    ]
    assert aggregation.aggregated(VIEW, others) == [Rule.of(READ_PODS), Rule.of(READ_NODES)]


def test_an_aggregated_role_that_nothing_matches_has_no_rules() -> None:
    assert aggregation.aggregated(VIEW, [role("a", {}, READ_PODS)]) == []


def test_a_role_does_not_aggregate_itself() -> None:
    own = {**VIEW, "metadata": {"name": "view", "labels": {"to": "view"}}, "rules": [READ_PODS]}
    assert aggregation.aggregated(own, [own]) == []


def test_an_empty_aggregation_rule_is_none() -> None:
    assert aggregation.is_aggregated(VIEW)
    assert not aggregation.is_aggregated({**VIEW, "aggregationRule": {"clusterRoleSelectors": []}})
    assert not aggregation.is_aggregated(role("a", {}, READ_PODS))
