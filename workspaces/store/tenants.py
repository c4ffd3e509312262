"""The addresses of logical clusters: rows of `Workspace`, kept beside the objects that describe them."""

from __future__ import annotations

from django.db import IntegrityError

from kcpcache.apimachinery import errors
from workspaces.models import Workspace


def add(cluster: str, path: str, *, parent: str | None, name: str) -> None:
    """Make a logical cluster addressable; again is fine. Conflict while another one has the path."""
    try:
        Workspace.objects.get_or_create(
            cluster=cluster, defaults={"path": path, "parent_id": parent, "name": name}
        )
    except IntegrityError as error:
        if not Workspace.objects.filter(path=path).exists():
            raise
        raise errors.Conflict(
            f'workspaces.tenancy.kcp.io "{name}" cannot be created: the path {path} still leads to a logical cluster '
            "that is not removed yet",
            group="tenancy.kcp.io",
            kind="workspaces",
            name=name,
        ) from error


def path_of(cluster: str) -> str | None:
    """The path of a logical cluster, None when it is not there (any more)."""
    return Workspace.objects.filter(cluster=cluster).values_list("path", flat=True).first()


def remove(cluster: str) -> None:
    """Forget an address; raises ProtectedError while it has children."""
    Workspace.objects.filter(cluster=cluster).delete()
