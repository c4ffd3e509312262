"""What the store and Redis say about all CachedResources, or those of one workspace, read at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice

from django.conf import settings

from kcpcache.apimachinery.objects import JSONObject
from replication import reports, rows
from replication.controllers.state import GROUP, PLURAL, SLICES
from replication.insight import bindings
from replication.insight.bindings import Binding
from replication.models import Replica
from replication.replica import connection, meta
from replication.replica.keys import Family
from workspaces.registry import catalogue
from workspaces.store import overview

_FAMILIES = 200  # in one round trip

Located = tuple[str, JSONObject]  # a logical cluster, and an object in it


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
    other_failures: list[overview.Failure]  # of all other controllers
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
    found_bindings = bindings.of_exports(exports) if cluster else bindings.every()
    clusters = {located[0] for located in cachedresources}
    replicas = Replica.objects.filter(shard=settings.KCPCACHE_SHARD, is_deleted=False)
    failures = overview.failures(cluster)
    found = Facts(
        cachedresources=cachedresources,
        slices=_by_cluster(overview.every(GROUP, SLICES, where)),
        exports=_by_cluster(exports),
        bindings=_by_export(found_bindings),
        rows={row.uid: row for row in (replicas.filter(cluster=cluster) if cluster else replicas)},
        paths=overview.paths(clusters),
        failures={
            (each.cluster, each.name): each for each in failures if each.controller == reports.CONTROLLER
        },
        other_failures=[each for each in failures if each.controller != reports.CONTROLLER],
    )
    _ask_redis(found)
    return found


def _by_cluster(located: Iterable[Located]) -> dict[str, list[JSONObject]]:
    found: dict[str, list[JSONObject]] = defaultdict(list)
    for cluster, obj in located:
        found[cluster].append(obj)
    return found


def _by_export(bound: Iterable[Binding]) -> dict[tuple[str, str], list[Binding]]:
    found: dict[tuple[str, str], list[Binding]] = defaultdict(list)
    for binding in bound:
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
