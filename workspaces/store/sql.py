"""The SQL store as a storage of one collection: Getter, Lister and Watcher."""

from __future__ import annotations

import time
from dataclasses import replace

from kcpcache.apimachinery import errors
from kcpcache.apimachinery.storage import Collection, Event, Feed, Key, ListOptions, Page, Record
from workspaces.store import broadcast, changelog, hub, listing, objects, revisions
from workspaces.store.pagesize import PageSize
from workspaces.store.revisions import Revisions
from workspaces.store.snapshot import ALIAS, snapshot

WAIT_SECONDS = 3.0  # how long a read waits for a revision of the future, as kube-apiserver does
_POLL_SECONDS = 0.02
HISTORY_BYTES = 64 * 1024 * 1024  # of the past that one watch may ask for; beyond it one must list anew
_EVENT_BYTES = 1000  # of an event besides its bodies

# Named here, as `list` is a method inside the class.
_Events = list[Event]
_Past = tuple[list[Record], list[Event], int]


class SQLCollection:
    """Reads one collection; with cluster ``*`` the objects of every logical cluster."""

    def __init__(self, collection: Collection) -> None:
        self.collection = collection

    def get(self, namespace: str, name: str, revision: int | None = None) -> Record:
        """The object, not older than `revision`; NotFound, Timeout."""
        if revision:
            _reach(revision)
        where = self.collection
        if where.cluster == "*":
            found = self.list(ListOptions(namespace=namespace, name=name, limit=1)).records
            record = found[0] if found else None
        else:
            record = objects.get(
                Key(where.cluster, where.group, where.resource, where.identity, namespace, name)
            )
        if record is None:
            raise errors.not_found(where.group, where.resource, name)
        return record

    def list(self, options: ListOptions) -> Page:
        """The selected objects; Expired when the revision is compacted, Timeout when it does not come."""
        if options.revision:
            _reach(options.revision)
        with snapshot() as now:
            return self._list(options, now)

    def watch(self, options: ListOptions, *, with_initial: bool) -> Feed:
        """Every change after `options.revision`, once, in order.

        It subscribes first and reads what happened afterwards, so nothing falls between; what arrives by
        both ways is dropped from the mailbox, by its revision.
        """
        if options.revision and with_initial:
            _reach(options.revision)
        broadcast.start()
        fanout = broadcast.hub()
        mailbox = fanout.subscribe(self.collection, options.namespace, options.name)
        try:
            initial, history, start = self._past(options, with_initial)
        except BaseException:
            fanout.unsubscribe(mailbox)
            raise
        mailbox.begin_after(start)
        return Feed(
            start=start,
            initial=initial,
            history=history,
            mailbox=mailbox,
            position=lambda: max(start, fanout.position),
            close=lambda: fanout.unsubscribe(mailbox),
        )

    def _list(self, options: ListOptions, now: Revisions) -> Page:
        revision = now.value
        if options.exact and options.revision:
            revision = options.revision
            if revision < now.compacted:
                raise errors.expired_resource_version(revision, now.compacted)
        return listing.page(self.collection, options, revision, now.value)

    def _past(self, options: ListOptions, with_initial: bool) -> _Past:
        """The present state, or the history since a revision; and the revision up to which they reach."""
        with snapshot() as now:
            if with_initial or not options.revision:
                present = self._list(replace(options, revision=None, exact=False, limit=0), now)
                return present.records, [], now.value
            return [], self._history(options, now), max(options.revision, now.value)

    def _history(self, options: ListOptions, now: Revisions) -> _Events:
        """What happened since the wanted revision; Expired where that is compacted, or too much to be held at once."""
        history: _Events = []
        held_bytes = 0
        position = options.revision or 0
        if position < now.compacted:
            raise errors.expired_resource_version(position, now.compacted)
        size = PageSize()
        while position < now.value:
            batch = changelog.batch_after(position, limit=size.limit, collection=self.collection, using=ALIAS)
            size.learn(len(change.body) + len(change.previous or b"") for change in batch.changes)
            events = [
                changelog.event(change)
                for change in batch.changes
                if options.namespace in ("", change.key.namespace) and options.name in ("", change.key.name)
            ]
            held_bytes += sum(_EVENT_BYTES + hub.size_bytes(event) for event in events)
            if held_bytes > HISTORY_BYTES:
                raise errors.expired_resource_version(options.revision or 0, position)
            history += events
            position = batch.reached
        return history


def _reach(revision: int) -> None:
    """Wait until the store has a revision; Timeout when that takes too long."""
    deadline = time.monotonic() + WAIT_SECONDS
    while (current := revisions.newest().value) < revision:
        if time.monotonic() >= deadline:
            raise errors.too_large_resource_version(revision, current)
        time.sleep(_POLL_SECONDS)
