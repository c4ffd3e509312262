"""The source's objects in pages that are bounded by bytes, although the store bounds them by number only."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from kcpcache.apimachinery.storage import Collection, Record
from replication.replica import body, writer
from replication.rows import Source
from workspaces.store import objects
from workspaces.store.pagesize import PageSize


def records(collection: Collection, *, using: str = "default") -> Iterator[list[Record]]:
    """All objects of a collection of one cluster, in order; `using` as in `objects.iterate`."""
    size, after = PageSize(), None
    while True:
        page = objects.iterate(collection, after=after, limit=size.limit, using=using)
        is_last = len(page) < size.limit
        if page:
            yield page
        if is_last:
            return
        size.learn(len(record.body) for record in page)
        after = objects.place(page[-1].key)


def bodies(source: Source, keep: Callable[[], object], *, using: str) -> Iterator[dict[str, bytes]]:
    """The replica bodies that a source means, by name, in parts that one script or answer can hold.

    Args:
        keep: called after each page that was read.
        using: as in `objects.iterate`.
    """
    part: dict[str, bytes] = {}
    size_bytes = 0
    api_version, matches = source.api_version, source.selector.matches
    for page in records(source.collection, using=using):
        keep()
        for record in page:
            if not matches(record.labels):
                continue
            replica_body = body.to_replica(record.body, api_version)
            if len(part) >= writer.MAX_ENTRIES or (
                part and size_bytes + len(replica_body) > writer.MAX_BYTES
            ):
                yield part
                part, size_bytes = {}, 0
            part[record.key.name] = replica_body
            size_bytes += len(replica_body)
    if part:
        yield part
