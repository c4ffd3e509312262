"""Filling a replica from the database: first, or again when Redis lost it.

The objects go, by key range, into a generation that nobody reads; one script puts it in the place of whatever
was there. A fill writes no stream entries: who stands before it lists again. Whoever holds the newest epoch
of the database row wins, and nobody else's fill can come after.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import orjson

from replication import rows
from replication.replica import body, keys, meta, paging, scripts, writer
from replication.replica.connection import Client, Error
from replication.rows import Source
from workspaces.store import revisions, snapshot


@dataclass(slots=True)
class Totals:
    """What was filled in."""

    count: int = 0
    size_bytes: int = 0
    checksum: int = 0

    def add(self, name: str, replica_body: bytes) -> None:
        """Count one object."""
        self.count += 1
        self.size_bytes += len(name.encode()) + len(replica_body)
        self.checksum = (self.checksum + body.digest(name, replica_body)) % 2**48


def fill(
    client: Client,
    source: Source,
    keep: Callable[[], object],
    above_epoch: int = 0,
    *,
    is_repair: bool = False,
) -> bool:
    """Build the replica anew from one snapshot of the database.

    Args:
        keep: called now and then, so that nobody else begins the same work.
        above_epoch: the epoch that Redis has now, when it is ahead of the database's (a restored backup).
        is_repair: what lies in Redis may be wrong. The fill then takes a revision of its own, so that no revision
            means two things: whoever stands before it, reading or watching, lists again.

    Returns whether this fill is the replica now; not so when another one was begun meanwhile, or the
    replica should not exist any more.
    """
    epoch = rows.raise_epoch(source, above_epoch)
    if epoch is None:
        return False
    totals = Totals()
    _clear_the_way(client, source, epoch)
    if is_repair:
        revisions.reserve(1)
    try:
        with snapshot.snapshot() as now:
            for page in paging.bodies(source, keep, using=snapshot.ALIAS):
                _write(client, source, epoch, page, totals)
                keep()
        is_live = _switch(client, source, epoch, now.value, totals, is_repair)
    except BaseException:
        _give_up(client, source, epoch)
        raise
    if not rows.may_exist(source.uid):
        writer.drop(client, source.family)
        return False
    if not is_live:
        _give_up(client, source, epoch)
        return False
    _drop_older(client, source, epoch)
    return True


def _clear_the_way(client: Client, source: Source, epoch: int) -> None:
    """Take away what has the names of the keys to be written, and is not what belongs there."""
    family = source.family
    with client.pipeline(transaction=False) as pipeline:
        pipeline.unlink(family.objects(epoch), family.index(epoch))
        pipeline.type(family.generations)
        _, kind = pipeline.execute()
    if kind not in (b"set", b"none"):
        client.unlink(family.generations)


def _write(client: Client, source: Source, epoch: int, page: dict[str, bytes], totals: Totals) -> None:
    for name, replica_body in page.items():
        totals.add(name, replica_body)
    with client.pipeline(transaction=False) as pipeline:
        # With every page: a list that was lost since the last one would leave keys that nobody finds.
        pipeline.sadd(source.family.generations, epoch)
        pipeline.hset(source.family.objects(epoch), mapping=page)
        pipeline.zadd(source.family.index(epoch), dict.fromkeys(page, 0))
        pipeline.execute()


def _switch(
    client: Client, source: Source, epoch: int, revision: int, totals: Totals, is_repair: bool
) -> bool:
    family = source.family
    fields = {
        "cursor": revision,
        "epoch": epoch,
        "selection": source.selection,
        "selector": orjson.dumps(source.selector_json),
        "settling": 0,
        "count": totals.count,
        "bytes": totals.size_bytes,
        "checksum": totals.checksum,
        "compacted": revision,
        "entries": 0,
        "stream_bytes": 0,
        "updated": int(time.time()),
        "identity": source.collection.identity,
        "name": source.name,
        "group": source.collection.group,
        "version": source.version,
        "resource": source.collection.resource,
    }
    names = [family.meta, family.stream, family.objects(epoch), family.index(epoch), family.generations]
    arguments: list[Any] = [epoch, totals.count, keys.CHANNEL, family.tag, revision, int(is_repair)]
    arguments += [part for pair in fields.items() for part in pair]
    return bool(scripts.of(client).switch(keys=names, args=arguments) == b"applied")


def _give_up(client: Client, source: Source, epoch: int) -> None:
    """Leave nothing behind; where Redis is away, the next fill clears up."""
    with suppress(Error):
        writer.drop_generations(client, source.family, [epoch])


def _drop_older(client: Client, source: Source, epoch: int) -> None:
    present = meta.read(client, source.family)
    live = present.epoch if present else 0
    writer.drop_generations(
        client,
        source.family,
        [found for found in writer.generations(client, source.family) if found <= epoch and found != live],
    )
