"""Subjects: which users a binding names.

Source: Kubernetes, "Using RBAC Authorization", section "Referring to subjects".
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

_SERVICE_ACCOUNT = "system:serviceaccount:"


def names(subject: Mapping[str, Any], user: str, groups: Collection[str], namespace: str = "") -> bool:
    """Whether a subject is `user`, or one of `groups`.

    `namespace` is that of the RoleBinding, empty for a ClusterRoleBinding: a ServiceAccount without a namespace is
    one of the binding's own.
    """
    kind, name = subject.get("kind"), subject.get("name") or ""
    if not name:
        return False
    if kind == "User":
        return bool(user == name)
    if kind == "Group":
        return name in groups
    if kind == "ServiceAccount":
        home = subject.get("namespace") or namespace
        return bool(home) and user == service_account(home, name)
    return False


def service_account(namespace: str, name: str) -> str:
    """The user name of a service account."""
    return f"{_SERVICE_ACCOUNT}{namespace}:{name}"


def text(subject: Mapping[str, Any]) -> str:
    """A subject as reasons name it: ``User "alice"``, ``ServiceAccount "reader/default"``."""
    name = subject.get("name") or ""
    if subject.get("kind") == "ServiceAccount" and subject.get("namespace"):
        name = f"{name}/{subject['namespace']}"
    return f'{subject.get("kind")} "{name}"'
