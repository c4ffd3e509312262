"""When the selector changes: what enters and leaves gets revisions of its own.

The log is selected anew from the moment of the change. What already was there is settled page by page: decide
by what the database holds, reserve revisions, append the log up to them, and then, where no change came in
between, the entries. A worker that dies in the middle leaves the mark `settling`, and the next one begins
anew from what the replica really holds.
"""

from __future__ import annotations

from collections.abc import Iterator

import orjson

from kcpcache.apimachinery.storage import Key, Record
from replication.replica import body, log, members, paging, scripts
from replication.replica.connection import Client
from replication.replica.log import Progress, Refused
from replication.replica.writer import Entry
from replication.rows import Source
from workspaces.store import objects, pagesize, revisions

_PAGE = 500  # names


def begin(client: Client, source: Source, progress: Progress) -> None:
    """Have the replica follow the source's present selector; Refused."""
    answer = scripts.of(client).select(
        keys=[source.family.meta],
        args=[progress.cursor, progress.epoch, source.selection, orjson.dumps(source.selector_json)],
    )
    if answer != b"applied":
        raise Refused(answer.decode())
    progress.selection, progress.is_settling = source.selection, True
    progress.touched.clear()


def settle(client: Client, source: Source, progress: Progress) -> None:
    """Make everything leave and enter that the change of the selector concerns; Refused, Expired."""
    for page in members.pages(client, source.family, progress.epoch, _PAGE):
        for part in _bounded(client, source, progress.epoch, [name.decode() for name in page]):
            _leave(client, source, progress, part)
    for records in paging.records(source.collection):
        _enter(client, source, progress, records)
    log.append(client, source, progress, [], progress.cursor, settles=True)


def _leave(client: Client, source: Source, progress: Progress, names: list[str]) -> None:
    collection = source.collection
    keys = [
        Key(collection.cluster, collection.group, collection.resource, collection.identity, "", name)
        for name in names
    ]
    kept = {
        key.name for key, record in objects.read_many(keys).items() if source.selector.matches(record.labels)
    }
    leaving = [name for name in names if name not in kept]
    first = _reserve(client, source, progress, leaving)
    bodies = _bodies(client, source, progress.epoch, leaving)
    entries = [
        Entry(first + number, name, body.with_revision(present, first + number), leaves=True)
        for number, name in enumerate(leaving)
        if (present := bodies[name]) is not None
    ]
    _append(client, source, progress, entries, first, len(leaving))


def _enter(client: Client, source: Source, progress: Progress, records: list[Record]) -> None:
    selected = {record.key.name: record for record in records if source.selector.matches(record.labels)}
    present = _sizes(client, source, progress.epoch, list(selected))
    entering = [name for name in selected if not present[name]]
    first = _reserve(client, source, progress, entering)
    entries = [
        Entry(first + number, name, body.to_replica(selected[name].body, source.api_version, first + number))
        for number, name in enumerate(entering)
    ]
    _append(client, source, progress, entries, first, len(entering))


def _reserve(client: Client, source: Source, progress: Progress, names: list[str]) -> int:
    """Take a revision for each name, bring the replica up to them, and strike out names that changed meanwhile.

    An object whose change came through the log since the selector changed was settled by that change.
    """
    if not names:
        return 0
    first = revisions.reserve(len(names))
    log.follow(client, source, progress, until=first - 1)
    names[:] = [name for name in names if name not in progress.touched]
    return first


def _append(
    client: Client, source: Source, progress: Progress, entries: list[Entry], first: int, count: int
) -> None:
    if entries:
        log.append(client, source, progress, entries, first + count - 1)


def _bodies(client: Client, source: Source, epoch: int, names: list[str]) -> dict[str, bytes | None]:
    if not names:
        return {}
    return dict(zip(names, client.hmget(source.family.objects(epoch), names), strict=True))


def _bounded(client: Client, source: Source, epoch: int, names: list[str]) -> Iterator[list[str]]:
    """Names in parts whose bodies can be held in memory together."""
    part: list[str] = []
    part_bytes = 0
    for name, size_bytes in _sizes(client, source, epoch, names).items():
        if part and part_bytes + size_bytes > pagesize.BYTES:
            yield part
            part, part_bytes = [], 0
        part.append(name)
        part_bytes += size_bytes
    if part:
        yield part


def _sizes(client: Client, source: Source, epoch: int, names: list[str]) -> dict[str, int]:
    """The size in bytes of each body that the replica holds, 0 where it holds none."""
    with client.pipeline(transaction=False) as pipeline:
        for name in names:
            pipeline.hstrlen(source.family.objects(epoch), name)
        return dict(zip(names, pipeline.execute(), strict=True))
