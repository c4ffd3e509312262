"""A store whose readers read its replica: writes go to the database, and are brought to Redis at once."""

from __future__ import annotations

from contextlib import ExitStack

from django.test import override_settings

from kcpcache.apimachinery.descriptor import Descriptor
from kcpcache.apimachinery.objects import JSONObject
from kcpcache.apimachinery.storage import Collection, Feed, Key, ListOptions, Page, Record
from replication import rows
from replication.models import Replica
from replication.replica import connection, meta, sync, writer
from replication.replica.keys import Family
from replication.replica.mirrors import Mirrors
from replication.replica.reader import ReplicaView
from replication.replica.writer import Batch
from tests.contract.harness import GROUP, THINGS, Harness, SQLHarness

UID = "11111111-2222-3333-4444-555555555555"


def descriptor() -> Descriptor:
    """The replicated resource as a consumer sees it."""
    return Descriptor(
        group=GROUP,
        version="v1",
        plural="things",
        singular="thing",
        kind="Thing",
        list_kind="ThingList",
        namespaced=False,
        storage_version="v1",
        versions=("v1",),
        origin="virtual",
    )


class Refreshed:
    """A view before each of whose reads the process looks at Redis, as it does before each request."""

    def __init__(self, mirrors: Mirrors, view: ReplicaView) -> None:
        self._mirrors, self._view = mirrors, view

    def get(self, namespace: str, name: str, revision: int | None = None) -> Record:
        self._mirrors.look()
        return self._view.get(namespace, name, revision)

    def list(self, options: ListOptions) -> Page:
        self._mirrors.look()
        return self._view.list(options)

    def watch(self, options: ListOptions, *, with_initial: bool) -> Feed:
        self._mirrors.look()
        return self._view.watch(options, with_initial=with_initial)


class ReplicaHarness(Harness):
    """One replica, read as the consumer whose logical cluster is the provider's: keys then are the same."""

    shares_bodies = False

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._source = SQLHarness()
        Replica.objects.all().delete()
        rows.forget()
        row, _ = rows.declare(UID, THINGS, "things", "v1", {})
        self.family = Family(row.shard, row.cluster, row.uid)
        self.follow()
        self._begin_anew()

    def _begin_anew(self) -> None:
        """As a new process would."""
        mirrors = Mirrors()
        mirrors.start(lambda deliver: deliver())
        self._stack.callback(mirrors.stop)
        self.mirrors = mirrors

    def follow(self) -> None:
        """What a worker does."""
        sync.sync(connection.client(), UID, to_end=True)

    def view(self, *consumers: str) -> ReplicaView:
        """What some consumers together see."""
        return ReplicaView(
            self.family,
            descriptor(),
            lambda: consumers,
            is_wildcard=len(consumers) > 1,
            registry=self.mirrors,
        )

    def storage(self, collection: Collection) -> Refreshed:
        return Refreshed(self.mirrors, self.view(collection.cluster))

    def put(self, key: Key, obj: JSONObject) -> int:
        revision = self._source.put(key, obj)
        self._follow_to(revision)
        return revision

    def delete(self, key: Key) -> int:
        revision = self._source.delete(key)
        self._follow_to(revision)
        return revision

    def _follow_to(self, revision: int) -> None:
        """Another writer's worker may be at it; then that one sees the mark that this one leaves."""
        self.follow()
        while (present := meta.read(connection.client(), self.family)) is None or present.cursor < revision:
            self.follow()

    def newest(self) -> int:
        return self._source.newest()

    def compact(self) -> int:
        client = connection.client()
        (_, last), *_ = client.xrevrange(self.family.stream, count=1)
        size_bytes = sum(len(value) for name, value in last.items() if name in (b"k", b"o", b"p"))
        self._begin_anew()
        with override_settings(KCPCACHE_STREAM_BYTES=size_bytes):
            present = meta.read(client, self.family)
            assert present is not None
            nothing = Batch(present.cursor, present.cursor, present.epoch, present.selection, [])
            assert writer.apply(client, self.family, nothing) == "applied"
        trimmed = meta.read(client, self.family)
        assert trimmed is not None
        return trimmed.compacted
