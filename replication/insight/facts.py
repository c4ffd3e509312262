"""What the store and Redis say about all CachedResources, or those of one workspace, read at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice

from django.conf import settings

from kcpcache.apimachinery import objects
from kcpcache.apimachinery.objects import JSONObject
from replication import rows
from replication.controllers.state import GROUP, PLURAL, SLICES
from replication.models import Replica
from replication.replica import connection, meta
from replication.replica.keys import Family
from workspaces.kinds import indexes
from workspaces.registry import catalogue
from workspaces.store import overview

_FAMILIES = 200  # in one round trip

Located = tuple[str, JSONObject]  # a logical cluster, and an object in it


@dataclass(frozen=True, slots=True)
class Binding:
    """An APIBinding, and the logical cluster and name of the export that it refers to (empty when gone)."""

    cluster: str
    obj: JSONObject
    provider: str
    export: str

    @property
    def is_bound(self) -> bool:
        """Whether the consumer is served."""
        phase = (self.obj.get("status") or {}).get("phase")
        return phase == "Bound" and not objects.is_being_deleted(self.obj)


@dataclass(slots=True)
class Facts:
    """All that health is made of. `replicas` is empty and `redis_error` set while Redis does not answer."""

    cachedresources: list[Located]
    slices: Mapping[str, list[JSONObject]]  # by logical cluster
    exports: Mapping[str, list[JSONObject]]
    bindings: Mapping[tuple[str, str], list[Binding]]  # by provider and export
    rows: Mapping[str, Replica]  # by uid
    paths: Mapping[str, str]
    failures: Mapping[tuple[str, str], overview.Failure]  # of CachedResources, by cluster and name
    replicas: dict[str, meta.Health] = field(default_factory=dict)  # by uid
    backlogs: dict[str, overview.Backlog] = field(default_factory=dict)
    redis_error: str = ""


def gather(cluster: str | None = None, name: str = "") -> Facts:
    """Read everything; of one workspace's CachedResources, or of one of them only, when they are given."""
    where = cluster or "*"
    cachedresources = [
        located
        for located in overview.every(GROUP, PLURAL, where)
        if not name or located[1]["metadata"]["name"] == name
    ]
    exports = overview.every(*catalogue.EXPORTS, where)
    bindings = bindings_of(exports) if cluster else every_binding()
    clusters = {located[0] for located in cachedresources}
    replicas = Replica.objects.filter(shard=settings.KCPCACHE_SHARD, is_deleted=False)
    found = Facts(
        cachedresources=cachedresources,
        slices=_by_cluster(overview.every(GROUP, SLICES, where)),
        exports=_by_cluster(exports),
        bindings=_by_export(bindings),
        rows={row.uid: row for row in (replicas.filter(cluster=cluster) if cluster else replicas)},
        paths=overview.paths(clusters),
        failures={
            (each.cluster, each.name): each
            for each in overview.failures(cluster)
            if each.controller == "cachedresource"
        },
    )
    _ask_redis(found)
    return found


def every_binding() -> list[Binding]:
    """All APIBindings of all workspaces."""
    return _resolved(overview.every(*catalogue.BINDINGS))


def bindings_of(exports: Iterable[Located]) -> list[Binding]:
    """The bindings of some exports, found by index."""
    located = list(exports)
    paths = overview.paths({cluster for cluster, _ in located})
    values = [
        indexes.export_value(reference, export["metadata"]["name"])
        for cluster, export in located
        for reference in (cluster, paths.get(cluster, cluster))
    ]
    return _resolved(overview.referring(indexes.EXPORT, values, *catalogue.BINDINGS)) if values else []


def _resolved(bindings: list[Located]) -> list[Binding]:
    """Bindings with their providers: a reference has a path, a logical cluster's name, or nothing for its own."""
    references = [((obj.get("spec") or {}).get("reference") or {}).get("export") or {} for _, obj in bindings]
    clusters = overview.clusters({str(each.get("path") or "") for each in references})
    made = []
    for (cluster, obj), reference in zip(bindings, references, strict=True):
        path = str(reference.get("path") or "")
        provider = clusters.get(path, "") if path else cluster
        made.append(Binding(cluster, obj, provider, str(reference.get("name") or "")))
    return made


def _by_cluster(located: Iterable[Located]) -> dict[str, list[JSONObject]]:
    found: dict[str, list[JSONObject]] = defaultdict(list)
    for cluster, obj in located:
        found[cluster].append(obj)
    return found


def _by_export(bindings: Iterable[Binding]) -> dict[tuple[str, str], list[Binding]]:
    found: dict[tuple[str, str], list[Binding]] = defaultdict(list)
    for binding in bindings:
        found[(binding.provider, binding.export)].append(binding)
    return found


def _ask_redis(found: Facts) -> None:
    """The state of each replica, and what of its source it has not seen."""
    wanted = [
        (obj["metadata"]["uid"], found.rows[obj["metadata"]["uid"]])
        for _, obj in found.cachedresources
        if obj["metadata"]["uid"] in found.rows
    ]
    families = iter([(uid, Family(row.shard, row.cluster, row.uid)) for uid, row in wanted])
    try:
        while part := list(islice(families, _FAMILIES)):
            states = meta.inspect(connection.hasty_client(), [family for _, family in part])
            found.replicas |= dict(zip((uid for uid, _ in part), states, strict=True))
    except connection.Error as error:
        found.redis_error = f"{type(error).__name__}: {error}"
        found.replicas.clear()
    positions = []
    for uid, row in wanted:
        state = found.replicas.get(uid)
        cursor = state.meta.cursor if state is not None and state.meta is not None else row.cursor
        positions.append(overview.Position(rows.source_of(row).collection, cursor))
    found.backlogs = dict(zip((uid for uid, _ in wanted), overview.backlogs(positions), strict=True))
