"""A store in memory: what the interfaces of `storage` mean, in the fewest words, for tests.

It keeps a base state, the events since, and rebuilds any state by replaying; one lock orders everything. The
SQL store and the replica undo instead of replaying, so that the contract suite compares two ways.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from kcpcache.apimachinery import errors, objects
from kcpcache.apimachinery.mailbox import Mailbox
from kcpcache.apimachinery.objects import JSONObject
from kcpcache.apimachinery.storage import Collection, Event, Feed, Key, ListOptions, Page, Record


@dataclass(frozen=True, slots=True)
class _Watch:
    collection: Collection
    options: ListOptions
    after: int
    mailbox: Mailbox[Event]


class MemoryStore:
    """All objects, their history and whoever watches them."""

    def __init__(self, wait_seconds: float = 3.0) -> None:
        self.revision = 1
        self.compacted = 0
        self.wait_seconds = wait_seconds
        self.changed = threading.Condition()
        self.watches: list[_Watch] = []
        self._base: dict[Key, Record] = {}
        self._log: list[Event] = []

    def collection(self, collection: Collection) -> MemoryCollection:
        """The storage of one collection."""
        return MemoryCollection(self, collection)

    def put(self, key: Key, obj: JSONObject) -> Record:
        """Create or replace an object."""
        with self.changed:
            before = self.state(self.revision).get(key)
            return self._append("MODIFIED" if before else "ADDED", key, obj, before)

    def delete(self, key: Key) -> Record:
        """Remove an object, which exists; returns its last state."""
        with self.changed:
            before = self.state(self.revision)[key]
            return self._append("DELETED", key, objects.decode(before.body), before)

    def compact(self, revision: int) -> None:
        """Forget the history up to a revision."""
        with self.changed:
            self._base = self.state(revision)
            self._log = [event for event in self._log if event.revision > revision]
            self.compacted = revision

    def state(self, revision: int) -> dict[Key, Record]:
        """Every object as of a revision."""
        state = dict(self._base)
        for event in self._log:
            if event.revision > revision:
                break
            if event.type == "DELETED":
                del state[event.key]
            else:
                state[event.key] = Record(event.key, event.revision, event.body, event.labels)
        return state

    def events(self, after: int, collection: Collection, options: ListOptions) -> list[Event]:
        """The changes after a revision that concern somebody."""
        return [
            event for event in self._log if event.revision > after and _is_in(event.key, collection, options)
        ]

    def reach(self, revision: int) -> None:
        """Wait for a revision; Timeout when it does not come. The lock is held."""
        if not self.changed.wait_for(lambda: self.revision >= revision, self.wait_seconds):
            raise errors.too_large_resource_version(revision, self.revision)

    def check(self, revision: int) -> None:
        """Expired when a revision is compacted."""
        if revision < self.compacted:
            raise errors.expired_resource_version(revision, self.compacted)

    def _append(self, kind: str, key: Key, obj: JSONObject, before: Record | None) -> Record:
        self.revision += 1
        metadata = {**objects.metadata(obj), "resourceVersion": str(self.revision)}
        body = objects.encode({**obj, "metadata": metadata})
        event = Event(
            type=kind,
            revision=self.revision,
            key=key,
            body=body,
            labels=dict(objects.labels(obj)),
            previous=before.body if before else None,
            previous_labels=before.labels if before else None,
        )
        self._log.append(event)
        for watch in self.watches:
            if event.revision > watch.after and _is_in(key, watch.collection, watch.options):
                watch.mailbox.put([event])
        self.changed.notify_all()
        return Record(key, self.revision, body, event.labels)


class MemoryCollection:
    """One collection of a `MemoryStore`: Getter, Lister, Watcher."""

    def __init__(self, store: MemoryStore, collection: Collection) -> None:
        self._store = store
        self._collection = collection

    def get(self, namespace: str, name: str, revision: int | None = None) -> Record:
        """The object, not older than `revision`; NotFound, Timeout."""
        with self._store.changed:
            self._store.reach(revision or 0)
            wanted = ListOptions(name=name)
            for key, record in self._store.state(self._store.revision).items():
                if key.namespace == namespace and _is_in(key, self._collection, wanted):
                    return record
        raise errors.not_found(self._collection.group, self._collection.resource, name)

    def list(self, options: ListOptions) -> Page:
        """The selected objects; Expired when the revision is compacted, Timeout when it does not come."""
        with self._store.changed:
            self._store.reach(options.revision or 0)
            revision = (options.exact and options.revision) or self._store.revision
            self._store.check(revision)
            state = self._store.state(revision)
        records = [record for key, record in state.items() if _is_in(key, self._collection, options)]
        records = sorted(filter(options.matches, records), key=_place)
        if options.start_after is not None:
            records = [record for record in records if _place(record) > options.start_after]
        if not options.limit or len(records) <= options.limit:
            return Page(revision, records)
        kept = records[: options.limit]
        remaining = len(records) - len(kept) if options.matches is None else None
        return Page(revision, kept, next_start=_place(kept[-1]), remaining=remaining)

    def watch(self, options: ListOptions, *, with_initial: bool) -> Feed:
        """Every change after `options.revision` in (namespace, name), once, in order."""
        store, mailbox = self._store, Mailbox[Event]()
        with store.changed:
            initial: _Records = []
            history: _Events = []
            start = max(options.revision or 0, store.revision)
            if with_initial or not options.revision:
                store.reach(options.revision or 0)
                start = store.revision
                present = ListOptions(options.namespace, options.name, matches=options.matches)
                initial = self.list(present).records
            else:
                store.check(options.revision)
                history = store.events(options.revision, self._collection, options)
            watch = _Watch(self._collection, options, start, mailbox)
            store.watches.append(watch)
        return Feed(
            start=start,
            initial=initial,
            history=history,
            mailbox=mailbox,
            position=lambda: max(start, store.revision),
            close=lambda: _close(store, watch),
        )


_Records = list[Record]  # named here, as `list` is a method inside the class
_Events = list[Event]


def _close(store: MemoryStore, watch: _Watch) -> None:
    with store.changed:
        if watch in store.watches:
            store.watches.remove(watch)


def _place(record: Record) -> tuple[str, str, str]:
    return (record.key.cluster, record.key.namespace, record.key.name)


def _is_in(key: Key, collection: Collection, options: ListOptions) -> bool:
    return (
        collection.cluster in ("*", key.cluster)
        and (collection.group, collection.resource, collection.identity)
        == (key.group, key.resource, key.identity)
        and options.namespace in ("", key.namespace)
        and options.name in ("", key.name)
    )
