"""One object and one change as a web process holds them: bytes, and what was parsed of them, once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias

from kcpcache.apimachinery import objects
from kcpcache.apimachinery.storage import Collection, Event, Key, Record
from replication.replica import body as replica_body

Consumer: TypeAlias = tuple[str, str]  # the logical cluster, and the identity under which it sees the objects

_TYPES = {"A": "ADDED", "M": "MODIFIED", "D": "DELETED"}


class Item(Mapping[str, str]):
    """An object of the replica; as a mapping its labels, which are parsed when somebody asks."""

    __slots__ = ("_labels", "_revision", "body", "name")

    def __init__(self, name: str, body: bytes) -> None:
        self.name = name
        self.body = body
        self._revision = 0
        self._labels: Mapping[str, str] | None = None

    @property
    def revision(self) -> int:
        """The object's resourceVersion."""
        if not self._revision:
            self._parse()
        return self._revision

    @property
    def labels(self) -> Mapping[str, str]:
        """The object's labels."""
        if self._labels is None:
            self._parse()
        return self._labels or {}

    def record(self, collection: Collection, cluster: str, cluster_bytes: bytes) -> Record:
        """The object as the consumer in a logical cluster reads it."""
        key = Key(cluster, collection.group, collection.resource, collection.identity, "", self.name)
        return Record(key, self.revision, replica_body.splice(self.body, cluster_bytes), self)

    def _parse(self) -> None:
        obj = replica_body.decode(self.body)
        self._labels = objects.labels(obj)
        self._revision = int(objects.resource_version(obj) or 0)

    def __getitem__(self, name: str) -> str:
        return self.labels[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.labels)

    def __len__(self) -> int:
        return len(self.labels)


class Change:
    """One entry of the stream: `type` is A, M or D; `item` the object after it, for D its last state.

    `size_bytes` is what it holds in memory, about, without its `events`: those `replica.events` keeps for a moment.
    """

    __slots__ = ("events", "item", "previous", "revision", "size_bytes", "type")

    def __init__(self, revision: int, type: str, item: Item, previous: Item | None) -> None:
        self.revision = revision
        self.type = type
        self.item = item
        self.previous = previous
        self.size_bytes = len(item.body) + (len(previous.body) if previous is not None else 0)
        self.events: dict[Consumer, Event] = {}

    def event(self, collection: Collection, cluster: str) -> Event:
        """The change as the consumer in a logical cluster sees it, made anew."""
        cluster_bytes = cluster.encode()
        previous = self.previous
        return Event(
            type=_TYPES[self.type],
            revision=self.revision,
            key=Key(cluster, collection.group, collection.resource, collection.identity, "", self.item.name),
            body=replica_body.splice(self.item.body, cluster_bytes),
            labels=self.item,
            previous=replica_body.splice(previous.body, cluster_bytes) if previous is not None else None,
            previous_labels=previous,
        )
