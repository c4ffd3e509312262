"""Reads and conditional updates of the rows that say which replicas should exist."""

from __future__ import annotations

import datetime
import threading
import time
from dataclasses import dataclass
from functools import cached_property

import orjson
from django.conf import settings
from django.db.models import F

from kcpcache.apimachinery import labels
from kcpcache.apimachinery.labels import Selector
from kcpcache.apimachinery.objects import JSONObject
from kcpcache.apimachinery.storage import Collection
from replication.models import Replica
from replication.replica.keys import Family
from workspaces.registry.resolver import resolver
from workspaces.store import connecting, locks

_MEMORY_SECONDS = 1.0  # how long a process trusts its list of sources


@dataclass(frozen=True)
class Source:
    """What a replica is of: the objects of one collection, as one version, that a selector keeps."""

    uid: str
    name: str
    family: Family
    collection: Collection
    version: str
    selector_json: JSONObject
    selection: int
    epoch: int
    cursor: int
    error: str = ""  # why the last attempt failed

    @property
    def api_version(self) -> str:
        """The apiVersion of every replica object."""
        group = self.collection.group
        return f"{group}/{self.version}" if group else self.version

    @cached_property
    def selector(self) -> Selector:
        """Decides by an object's labels whether it belongs to the replica."""
        return labels.from_label_selector(self.selector_json)


def source_of(row: Replica) -> Source:
    """A row as the replica package sees it."""
    return Source(
        uid=row.uid,
        name=row.name,
        family=Family(row.shard, row.cluster, row.uid),
        collection=Collection(row.cluster, row.group, row.resource, row.identity),
        version=row.version,
        selector_json=row.selector,
        selection=row.selection,
        epoch=row.epoch,
        cursor=row.cursor,
        error=row.error,
    )


_SOURCE = (
    'SELECT uid, shard, cluster, name, "group", version, resource, identity, selector, selection, epoch, "cursor",'
    " error FROM replication_replica WHERE uid = %s AND NOT is_deleted"
)


def find(uid: str) -> Source | None:
    """The replica of a CachedResource; None when it should not exist (any more).

    By a statement of its own, as it is asked several times for each batch: a model costs sixteen times as much.
    """
    with connecting.usable().cursor() as cursor:
        cursor.execute(_SOURCE, [uid])
        row = cursor.fetchone()
    if row is None:
        return None
    (
        uid,
        shard,
        cluster,
        name,
        group,
        version,
        resource,
        identity,
        selector,
        selection,
        epoch,
        reached,
        error,
    ) = row
    return Source(
        uid=uid,
        name=name,
        family=Family(shard, cluster, uid),
        collection=Collection(cluster, group, resource, identity),
        version=version,
        selector_json=orjson.loads(selector),
        selection=selection,
        epoch=epoch,
        cursor=reached,
        error=error,
    )


def all_sources() -> list[Source]:
    """Every replica of this shard that should exist."""
    rows = Replica.objects.filter(shard=settings.KCPCACHE_SHARD, is_deleted=False)
    return [source_of(row) for row in rows]


def wanted_uids() -> set[str]:
    """The uids of the replicas of this shard that should exist."""
    wanted = Replica.objects.filter(shard=settings.KCPCACHE_SHARD, is_deleted=False)
    return set(wanted.values_list("uid", flat=True))


def uids_named(cluster: str, name: str) -> set[str]:
    """The uids under which a CachedResource of this name has, or had, a replica."""
    return set(Replica.objects.filter(cluster=cluster, name=name).values_list("uid", flat=True))


def declare(
    uid: str, collection: Collection, name: str, version: str, selector: JSONObject
) -> tuple[Replica, bool]:
    """Have a replica exist with this source and selector.

    Returns the row, and whether anything about it is new. A changed selector counts `selection` up, in the
    statement that changes it, so that no worker can mistake an old selector for a new one.
    """
    wanted = (False, selector, collection.identity)
    row = Replica.objects.filter(uid=uid).first()
    if row is not None and (row.is_deleted, row.selector, row.identity) == wanted:
        return row, False
    with locks.turn():
        row, created = Replica.objects.get_or_create(
            uid=uid,
            defaults={
                "shard": settings.KCPCACHE_SHARD,
                "cluster": collection.cluster,
                "name": name,
                "group": collection.group,
                "version": version,
                "resource": collection.resource,
                "identity": collection.identity,
                "selector": selector,
            },
        )
        if created:
            forget()
            return row, True
        stored = Replica.objects.filter(uid=uid)
        changed = stored.filter(is_deleted=True).update(is_deleted=False, epoch=F("epoch") + 1)
        if row.selector != selector:
            changed += stored.filter(selection=row.selection).update(
                selector=selector, selection=F("selection") + 1
            )
        if row.identity != collection.identity:
            changed += stored.update(identity=collection.identity)
    if changed:
        row.refresh_from_db()
        forget()
    return row, changed > 0


@locks.turn()
def raise_epoch(source: Source, at_least: int = 0) -> int | None:
    """Take the right to fill: a new epoch above the source's and above `at_least`.

    None when somebody else took it since the source was read, or the replica should not exist any more.
    """
    epoch = max(source.epoch, at_least) + 1
    taken = Replica.objects.filter(uid=source.uid, epoch=source.epoch, is_deleted=False).update(epoch=epoch)
    return epoch if taken else None


def may_exist(uid: str) -> bool:
    """Whether the replica should (still) exist."""
    return Replica.objects.filter(uid=uid, is_deleted=False).exists()


@locks.turn()
def note_progress(uid: str, cursor: int, count: int, size_bytes: int) -> None:
    """Copy a replica's progress for display."""
    Replica.objects.filter(uid=uid).update(
        cursor=cursor,
        count=count,
        size_bytes=size_bytes,
        last_sync=datetime.datetime.now(datetime.UTC),
        error="",
    )


@locks.turn()
def note_error(uid: str, error: str) -> None:
    """Keep why the last attempt failed; empty when one was well."""
    Replica.objects.filter(uid=uid).exclude(error=error).update(error=error)


@locks.turn()
def note_audit(uid: str, *, is_drifted: bool) -> bool:
    """Keep what an audit found; True when that is news."""
    changed = Replica.objects.filter(uid=uid).exclude(is_drifted=is_drifted).update(is_drifted=is_drifted)
    if is_drifted:
        Replica.objects.filter(uid=uid).update(drifts=F("drifts") + 1)
    return bool(changed)


@locks.turn()
def note_deletion(uid: str) -> Source | None:
    """Keep late fills away from now on; the source whose keys must go, None when there is no row.

    The row stays until the CachedResource is gone: another source may come, and epochs must go on.
    """
    deleted = Replica.objects.filter(uid=uid, is_deleted=False)
    deleted.update(is_deleted=True, epoch=F("epoch") + 1, cursor=0, count=0, size_bytes=0)
    forget()
    row = Replica.objects.filter(uid=uid).first()
    return source_of(row) if row else None


@locks.turn()
def remove(uid: str) -> None:
    """The last step of a deletion, when no key is left."""
    Replica.objects.filter(uid=uid, is_deleted=True).delete()
    forget()


class _Memory:
    """The collections that have replicas, remembered for a second in each process."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.read_at = 0.0
        self.discovery = -1  # what this process had seen of discovery when it read
        self.by_collection: dict[Collection, list[Source]] = {}


_memory = _Memory()


def forget() -> None:
    """Have the next look-up read the database."""
    _memory.read_at = 0.0


def sources_of(collection: Collection) -> list[Source]:
    """The replicas fed by a collection, from a memory of at most a second.

    A CachedResource that became ready moved discovery, which every write looks at first: so the first change after
    it finds its replica.
    """
    now, discovery = time.monotonic(), resolver().discovery
    if now - _memory.read_at > _MEMORY_SECONDS or discovery != _memory.discovery:
        with _memory.lock:
            if now - _memory.read_at > _MEMORY_SECONDS or discovery != _memory.discovery:
                read: dict[Collection, list[Source]] = {}
                for source in all_sources():
                    read.setdefault(source.collection, []).append(source)
                _memory.by_collection, _memory.read_at, _memory.discovery = read, now, discovery
    return _memory.by_collection.get(collection, [])
