"""Workspace paths and logical cluster names: both address the same workspace."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Q

from workspaces.models import Workspace


@dataclass(frozen=True, slots=True)
class WorkspaceAddress:
    """One workspace: its logical cluster's name and its path."""

    cluster: str
    path: str


def find(reference: str) -> WorkspaceAddress | None:
    """The workspace with this path or logical cluster name; None when there is none."""
    row = (
        Workspace.objects.filter(Q(path=reference) | Q(cluster=reference))
        .values_list("cluster", "path")
        .order_by("path")
        .first()
    )
    return WorkspaceAddress(*row) if row else None


def relative(path: str, base: WorkspaceAddress) -> WorkspaceAddress | None:
    """The workspace that a reference inside `base` names: no path means `base` itself."""
    return find(path) if path else base
