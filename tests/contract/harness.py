"""What a storage must offer so that the contract suite can run on it.

A new storage gets a subclass of `Harness` and an entry in `tests.contract.conftest.HARNESSES`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Protocol

from kcpcache.apimachinery.memory import MemoryStore
from kcpcache.apimachinery.objects import JSONObject
from kcpcache.apimachinery.storage import Collection, Feed, Key, ListOptions, Page, Record
from workspaces.store import compaction, objects, revisions, sql

GROUP = "example.io"
CLUSTER = "alpha"
THINGS = Collection(CLUSTER, GROUP, "things")
THINGS_EVERYWHERE = Collection("*", GROUP, "things")


class Storage(Protocol):
    """Getter, Lister and Watcher together."""

    def get(self, namespace: str, name: str, revision: int | None = None) -> Record: ...
    def list(self, options: ListOptions) -> Page: ...
    def watch(self, options: ListOptions, *, with_initial: bool) -> Feed: ...


class Harness(ABC):
    """Writes into a store and gives the storages that read it.

    What a write returns must be readable, in every storage, once it has returned. Methods are called from
    several threads.
    """

    @abstractmethod
    def storage(self, collection: Collection) -> Storage:
        """The storage of one collection."""

    @abstractmethod
    def put(self, key: Key, obj: JSONObject) -> int:
        """Create or replace an object; its revision."""

    @abstractmethod
    def delete(self, key: Key) -> int:
        """Remove an object; the revision of that."""

    @abstractmethod
    def newest(self) -> int:
        """The newest revision."""

    @abstractmethod
    def compact(self) -> int:
        """Forget as much history as may be; the compacted revision."""


class MemoryHarness(Harness):
    """The fake."""

    def __init__(self) -> None:
        self.store = MemoryStore(wait_seconds=0.2)

    def storage(self, collection: Collection) -> Storage:
        return self.store.collection(collection)

    def put(self, key: Key, obj: JSONObject) -> int:
        return self.store.put(key, obj).revision

    def delete(self, key: Key) -> int:
        return self.store.delete(key).revision

    def newest(self) -> int:
        return self.store.revision

    def compact(self) -> int:
        self.store.compact(self.store.revision - 1)
        return self.store.compacted


class SQLHarness(Harness):
    """The SQL store on whatever the aliases `default` and `snapshot` are."""

    def storage(self, collection: Collection) -> Storage:
        return sql.SQLCollection(collection)

    def put(self, key: Key, obj: JSONObject) -> int:
        with objects.writing([key]) as transaction:
            pending = transaction.put(key, obj)
        return pending.record.revision

    def delete(self, key: Key) -> int:
        with objects.writing([key]) as transaction:
            pending = transaction.delete(key)
        return pending.record.revision

    def newest(self) -> int:
        return revisions.newest().value

    def compact(self) -> int:
        compaction.compact(max_age_seconds=3600, max_rows=1)
        return revisions.newest().compacted


def key(name: str, *, namespace: str = "", cluster: str = CLUSTER, **parts: str) -> Key:
    """The key of a thing."""
    fields = {"group": GROUP, "resource": "things", "identity": "", **parts}
    return Key(cluster=cluster, namespace=namespace, name=name, **fields)


def thing(name: str, *, namespace: str = "", labels: dict[str, str] | None = None, **spec: Any) -> JSONObject:
    """An object that fits a key."""
    metadata: JSONObject = {"name": name, "uid": f"uid-{name}", "creationTimestamp": "2026-01-01T00:00:00Z"}
    if namespace:
        metadata["namespace"] = namespace
    if labels:
        metadata["labels"] = labels
    return {"apiVersion": f"{GROUP}/v1", "kind": "Thing", "metadata": metadata, "spec": spec}
