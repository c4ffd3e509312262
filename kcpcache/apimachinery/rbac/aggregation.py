"""ClusterRoles that are made of others: the union of the rules of those that a label selector names.

Source: Kubernetes, "Using RBAC Authorization", section "Aggregated ClusterRoles".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from kcpcache.apimachinery import labels
from kcpcache.apimachinery.rbac.rules import Rule

JSONObject = Mapping[str, Any]


def is_aggregated(role: JSONObject) -> bool:
    """Whether a ClusterRole's rules are those of others."""
    return bool((role.get("aggregationRule") or {}).get("clusterRoleSelectors"))


def aggregated(role: JSONObject, others: Iterable[JSONObject]) -> list[Rule]:
    """The rules of an aggregated ClusterRole, each once, in the order of the roles' names.

    A role does not aggregate itself. What it aggregates is taken with its own stated rules only, as the aggregation
    of an aggregated role is the work of another pass.
    """
    selectors = [labels.from_label_selector(each) for each in role["aggregationRule"]["clusterRoleSelectors"]]
    own = role["metadata"]["name"]
    found: dict[Rule, None] = {}
    for other in sorted(others, key=lambda each: str(each["metadata"]["name"])):
        held = other["metadata"].get("labels") or {}
        if other["metadata"]["name"] != own and any(selector.matches(held) for selector in selectors):
            found.update(dict.fromkeys(map(Rule.of, other.get("rules") or ())))
    return list(found)
