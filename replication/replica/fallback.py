"""What a replica would hold, read from the database: for reads while Redis has no replica, or is away."""

from __future__ import annotations

from kcpcache.apimachinery.storage import Key
from replication.replica import body
from replication.replica.item import Item
from replication.replica.mirror import Contents
from replication.rows import Source
from workspaces.store import objects, revisions, snapshot

_PAGE = 500


def contents(source: Source) -> Contents:
    """All objects that belong to the replica, at the database's revision."""
    items: list[Item] = []
    after: str | None = None
    with snapshot.snapshot() as now:
        while True:
            records = objects.iterate(source.collection, after=after, limit=_PAGE, using=snapshot.ALIAS)
            items += [
                Item(record.key.name, body.to_replica(record.body, source.api_version))
                for record in records
                if source.selector.matches(record.labels)
            ]
            if len(records) < _PAGE:
                break
            after = objects.place(records[-1].key)
    items.sort(key=lambda item: item.name)  # the database may order names by the rules of a language
    return Contents(now.value, items)


def find(source: Source, name: str) -> tuple[int, Item | None]:
    """The database's revision, and one object if it belongs to the replica."""
    collection = source.collection
    revision = revisions.newest().value
    key = Key(collection.cluster, collection.group, collection.resource, collection.identity, "", name)
    record = objects.get(key)
    if record is None or not source.selector.matches(record.labels):
        return revision, None
    return max(revision, record.revision), Item(name, body.to_replica(record.body, source.api_version))
