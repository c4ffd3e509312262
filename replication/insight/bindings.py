"""APIBindings as operators need them: what each refers to, whether it is ready, and why not."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass, replace

from django.utils.dateparse import parse_datetime

from kcpcache.apimachinery import conditions, objects
from kcpcache.apimachinery.objects import JSONObject
from workspaces.kinds import indexes
from workspaces.registry import catalogue
from workspaces.store import overview
from workspaces.store.projection import Projection

NOT_RECONCILED, DELETING = "NotReconciled", "Deleting"
_UNSEEN = "no worker has looked at it yet"


@dataclass(frozen=True, slots=True)
class Binding:
    """An APIBinding, and the logical cluster of the export that it refers to (empty when gone).

    `path` and `export` are what its reference says. `is_bound`: the consumer is served, `is_ready`: all of what the
    export offers. `reason` and `message` say why it is not ready, `since` when it was made or began to be deleted.
    """

    cluster: str
    name: str
    path: str
    export: str
    resources: tuple[str, ...]
    phase: str
    is_bound: bool
    is_ready: bool
    reason: str
    message: str
    since: datetime.datetime | None
    provider: str = ""


def every() -> list[Binding]:
    """All APIBindings of all workspaces."""
    return _resolved(_projection.all())


def of_exports(exports: Iterable[tuple[str, JSONObject]]) -> list[Binding]:
    """The bindings of some exports (each with its logical cluster), found by index."""
    located = list(exports)
    paths = overview.paths({cluster for cluster, _ in located})
    values = [
        indexes.export_value(reference, export["metadata"]["name"])
        for cluster, export in located
        for reference in (cluster, paths.get(cluster, cluster))
    ]
    if not values:
        return []
    found = overview.referring(indexes.EXPORT, values, *catalogue.BINDINGS)
    return _resolved([_read(cluster, obj) for cluster, obj in found])


def _resolved(bindings: list[Binding]) -> list[Binding]:
    """With their providers: a reference has a path, a logical cluster's name, or nothing for its own."""
    clusters = overview.clusters({binding.path for binding in bindings})
    return [
        replace(binding, provider=clusters.get(binding.path, "") if binding.path else binding.cluster)
        for binding in bindings
    ]


def _read(cluster: str, obj: JSONObject) -> Binding:
    """What an object says by itself."""
    metadata, status = obj["metadata"], obj.get("status") or {}
    reference = ((obj.get("spec") or {}).get("reference") or {}).get("export") or {}
    phase, is_going = str(status.get("phase") or "Binding"), objects.is_being_deleted(obj)
    is_bound = phase == "Bound" and not is_going
    is_ready = is_bound and conditions.is_true(obj, "Ready")
    reason, message = ("", "") if is_ready else _problem(obj)
    return Binding(
        cluster=cluster,
        name=str(metadata["name"]),
        path=str(reference.get("path") or ""),
        export=str(reference.get("name") or ""),
        resources=tuple(_qualified(entry) for entry in status.get("boundResources") or []),
        phase=phase,
        is_bound=is_bound,
        is_ready=is_ready,
        reason=reason,
        message=message,
        since=parse_datetime(
            str(metadata.get("deletionTimestamp") or metadata.get("creationTimestamp") or "")
        ),
    )


def _qualified(entry: JSONObject) -> str:
    return f"{entry['resource']}.{entry['group']}" if entry.get("group") else str(entry["resource"])


def _problem(obj: JSONObject) -> tuple[str, str]:
    """Reason and message of the first condition that is False; `Ready` sums up the others."""
    if objects.is_being_deleted(obj):
        return DELETING, f"it is being deleted since {obj['metadata']['deletionTimestamp']}"
    found = (obj.get("status") or {}).get("conditions") or []
    for entry in sorted(found, key=lambda entry: bool(entry["type"] == "Ready")):
        if entry["status"] == "False":
            return str(entry.get("reason") or entry["type"]), str(entry.get("message") or "")
    return NOT_RECONCILED, _UNSEEN


_projection = Projection(*catalogue.BINDINGS, _read)
