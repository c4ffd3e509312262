"""Finding replicas that have work to do although no hint says so."""

from __future__ import annotations

from itertools import islice

from kcpcache.apimachinery import errors
from replication import reports, rows
from replication.replica import keys, lease, meta, sync, wake, writer
from replication.replica.connection import Client
from replication.replica.containment import contained
from replication.rows import Source
from workspaces.store import changelog, revisions

_FAMILIES = 200  # in one round trip
_ORPHANS_SECONDS = 15


def sweep(client: Client, shard: str) -> None:
    """Wake workers for every replica that is behind, damaged or missing, and drop what belongs to none."""
    sources = iter(rows.all_sources())
    while part := list(islice(sources, _FAMILIES)):
        for source, health in zip(
            part, meta.inspect(client, [source.family for source in part]), strict=True
        ):
            with contained(source.family):
                _look_after(source, health)
    if lease.take(client, keys.orphan_guard(shard), "1", _ORPHANS_SECONDS * 1000):
        drop_orphans(client, shard)


def _look_after(source: Source, health: meta.Health) -> None:
    if health.meta is None or sync.needs_sync(source, health, _last_change(source, health.meta.cursor)):
        wake.wake(source.family)
    elif health.meta.cursor != source.cursor:
        # Whoever moved it may have ended before it said so. Said before it is noted: else we might do the same.
        reports.note_change(source.uid)
        rows.note_progress(source.uid, health.meta.cursor, health.meta.count, health.meta.size_bytes)
    elif source.error:
        rows.note_error(source.uid, "")


def drop_orphans(client: Client, shard: str) -> None:
    """Remove keys that nobody will read: of replicas that should not exist, and of fills that never ended."""
    found = writer.families(client, shard)
    wanted = rows.wanted_uids()  # read after the keys, so that whatever they belong to is known
    for family, generations in found.items():
        with contained(family):
            if family.uid in wanted:
                if len(generations) > 1:
                    writer.drop_former(client, family, generations)
            elif not rows.may_exist(family.uid):
                writer.drop(client, family, generations)


def _last_change(source: Source, cursor: int) -> int:
    """The revision of some change that the replica has not seen, 0 when there is none."""
    try:
        changes = changelog.read_after(cursor, limit=1, collection=source.collection)
    except errors.Expired:
        return revisions.newest().value
    return changes[0].revision if changes else 0
