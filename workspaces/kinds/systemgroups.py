"""API groups that the system serves itself, so that nobody else may define resources in them."""

from __future__ import annotations

GROUPS = frozenset(
    {
        "",
        "admissionregistration.k8s.io",
        "apidiscovery.k8s.io",
        "apiextensions.k8s.io",
        "apiregistration.k8s.io",
        "apis.kcp.io",
        "authentication.k8s.io",
        "authorization.k8s.io",
        "cache.kcp.io",
        "certificates.k8s.io",
        "coordination.k8s.io",
        "core.kcp.io",
        "events.k8s.io",
        "meta.k8s.io",
        "rbac.authorization.k8s.io",
        "tenancy.kcp.io",
        "topology.kcp.io",
    }
)


def is_system(group: str) -> bool:
    """Whether a group is the system's own."""
    return group in GROUPS
