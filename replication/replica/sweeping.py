"""Finding replicas that have work to do although no hint says so."""

from __future__ import annotations

from itertools import islice

from replication import rows
from replication.replica import keys, meta, sync, wake, writer
from replication.replica.connection import Client
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
            if sync.needs_sync(source, health, _last_change(source, health)):
                wake.wake(source.family)
            elif health.meta is not None and health.meta.cursor != source.cursor:
                rows.note_progress(source.uid, health.meta.cursor, health.meta.count, health.meta.size_bytes)
    if client.set(keys.orphan_guard(shard), "1", nx=True, ex=_ORPHANS_SECONDS):
        drop_orphans(client, shard)


def drop_orphans(client: Client, shard: str) -> None:
    """Remove the keys of replicas that no row knows: a fill that ended after its replica was deleted."""
    families = writer.orphans(client, shard, rows.known_uids())
    # A replica that was declared after the first look is known at the second.
    known = rows.known_uids() if families else set()
    for family in families:
        if family.uid not in known:
            writer.drop(client, family)


def _last_change(source: Source, health: meta.Health) -> int:
    """The revision of some change that the replica has not seen, 0 when there is none."""
    if health.meta is None:
        return 0
    cursor = health.meta.cursor
    if cursor < changelog.compacted():
        return revisions.newest().value
    changes = changelog.read_after(cursor, limit=1, collection=source.collection)
    return changes[0].revision if changes else 0
