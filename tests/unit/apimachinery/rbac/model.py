"""RBAC as slowly and plainly as it can be said: what the tests hold the rules against."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kcpcache.apimachinery.rbac.rules import Attributes


def allowed(asked: Attributes, user: str, groups: Sequence[str], objects: Sequence[dict[str, Any]]) -> bool:
    """Whether some binding among `objects` names the user and some rule of its role allows the request."""
    for binding in objects:
        if binding["kind"] not in ("ClusterRoleBinding", "RoleBinding"):
            continue
        namespace = binding["metadata"].get("namespace", "")
        if namespace and (namespace != asked.namespace or not asked.resource):
            continue
        if not any(is_subject(each, user, groups, namespace) for each in binding.get("subjects", [])):
            continue
        for role in objects:
            is_meant = (
                role["kind"] == binding["roleRef"]["kind"]
                and role["metadata"]["name"] == binding["roleRef"]["name"]
                and (
                    role["kind"] == "ClusterRole"
                    or (namespace and role["metadata"]["namespace"] == namespace)
                )
            )
            if is_meant and any(rule_allows(rule, asked) for rule in role.get("rules", [])):
                return True
    return False


def is_subject(subject: dict[str, Any], user: str, groups: Sequence[str], namespace: str) -> bool:
    """Whether a subject is the user."""
    if subject["kind"] == "User":
        return user == subject["name"]
    if subject["kind"] == "Group":
        return subject["name"] in groups
    home = subject.get("namespace") or namespace
    return home != "" and user == "system:serviceaccount:" + home + ":" + subject["name"]


def rule_allows(rule: dict[str, Any], asked: Attributes) -> bool:
    """Whether a rule, as it stands in an object, allows the request."""
    verbs = rule.get("verbs", [])
    if asked.verb == "" or ("*" not in verbs and asked.verb not in verbs):
        return False
    if asked.resource == "":
        for path in rule.get("nonResourceURLs", []):
            if path == "*" or path == asked.path:
                return True
            if path[-1:] == "*" and asked.path[: len(path) - 1] == path[:-1]:
                return True
        return False
    groups = rule.get("apiGroups", [])
    if "*" not in groups and asked.group not in groups:
        return False
    wanted = asked.resource + ("/" + asked.subresource if asked.subresource else "")
    accepted = ["*", wanted] + (["*/" + asked.subresource] if asked.subresource else [])
    if not any(resource in accepted for resource in rule.get("resources", [])):
        return False
    names = rule.get("resourceNames", [])
    return names == [] or asked.name in names
