"""The replica as storage: what one consumer, or all of them together, can read of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from hashlib import sha256
from itertools import islice
from typing import TypeAlias

from kcpcache.apimachinery import errors
from kcpcache.apimachinery.descriptor import Descriptor
from kcpcache.apimachinery.storage import Collection, Feed, ListedBytes, ListOptions, Page, Record
from replication import rows
from replication.replica import body, connection, fallback, follower, wake
from replication.replica.connection import Error
from replication.replica.fanout import ConsumerMailbox
from replication.replica.item import Item
from replication.replica.keys import Family
from replication.replica.mirror import Contents, Mirror
from replication.replica.mirrors import Mirrors, mirrors
from replication.rows import Source

WAIT_SECONDS = 3.0  # how long a read waits for a revision of the future
_CHUNK_BYTES = 128 * 1024

Part: TypeAlias = tuple[str, Sequence[Item]]  # a consumer, and objects that it sees


class ReplicaView:
    """Getter, Lister, BytesLister and Watcher over one replica, and nothing that writes.

    Args:
        family: the replica.
        descriptor: the resource as consumers see it.
        consumers: the logical clusters that see the objects, in order; one for a workspace's own view.
        is_wildcard: whether the view spans all consumers, each object once for each.

    Answers come from the process's mirror, made current by the refresh before each request, or here in a worker
    thread; from the database while Redis has no such replica. Nothing older is served than was before. A view lives
    for one request; its open watch ends with ``expired`` when other consumers come or go.
    """

    def __init__(
        self,
        family: Family,
        descriptor: Descriptor,
        consumers: Callable[[], Sequence[str]],
        *,
        is_wildcard: bool = False,
        registry: Mirrors | None = None,
    ) -> None:
        self._registry = registry or mirrors()
        self._mirror: Mirror = self._registry.of(family)
        self._descriptor = descriptor
        self._ask_consumers = consumers
        self._is_wildcard = is_wildcard
        self._collection = Collection("", descriptor.group, descriptor.plural, descriptor.identity)

    @cached_property
    def _consumers(self) -> tuple[str, ...]:
        return tuple(self._ask_consumers())

    @property
    def is_nonblocking(self) -> bool:
        """Whether reads without a revision are answered from memory."""
        return self._mirror.is_followed and self._mirror.serves

    @property
    def stale_seconds(self) -> float:
        """For how long Redis has not confirmed what is served."""
        return self._mirror.stale_seconds

    def answers_now(self, options: ListOptions, *, watches: bool = False) -> bool:
        """Whether this read is answered from memory, without waiting for anything."""
        wanted = options.revision or 0
        if not self.is_nonblocking:
            return False
        if watches and wanted:
            return self._mirror.reaches(wanted)
        return self._mirror.reaches(wanted) if options.exact else wanted <= self._mirror.revision

    def get(self, namespace: str, name: str, revision: int | None = None) -> Record:
        """See `storage.Getter`."""
        consumer = self._only_consumer()
        if namespace:
            raise self._not_found(name)
        if self._prepare(revision):
            _, item = self._mirror.find(name)
        else:
            found, item = fallback.find(self._source(), name)
            self._served(found)
            self._check_reached(revision, found)
        if item is None:
            raise self._not_found(name)
        return item.record(self._collection, consumer, consumer.encode())

    def list(self, options: ListOptions) -> Page:
        """See `storage.Lister`."""
        contents = self._matching(options, self._contents(options))
        items: Sequence[Item] = contents.items
        if options.name:
            items = [item for item in items if item.name == options.name]
        records = self._behind(items, options.start_after)
        if not options.limit:
            return Page(contents.revision, list(records))
        page = list(islice(records, options.limit + 1))
        if len(page) <= options.limit:
            return Page(contents.revision, page)
        last = page[options.limit - 1].key
        place = (last.cluster, "", last.name)
        remaining = self._count_behind(items, place) if options.matches is None else None
        return Page(contents.revision, page[: options.limit], place, remaining)

    def list_bytes(self, options: ListOptions, api_version: str) -> ListedBytes:
        """See `storage.BytesLister`."""
        contents = self._matching(options, self._contents(options))
        items = contents.items
        if options.name:
            items = [item for item in items if item.name == options.name]
        if options.limit or options.start_after:
            parts, place = self._page(items, options)
            remaining = self._count_behind(items, place) if place and options.matches is None else None
            return ListedBytes(contents.revision, "", _joined(parts), place, remaining)
        is_whole = options.matches is None and not options.name
        etag = self._etag(contents.revision) if is_whole else ""
        return ListedBytes(contents.revision, etag, _joined([(each, items) for each in self._consumers]))

    def watch(self, options: ListOptions, *, with_initial: bool) -> Feed:
        """See `storage.Watcher`."""
        revision = options.revision or None
        if not self._prepare(revision if with_initial else None):
            raise errors.ServiceUnavailable(
                "the replica is being rebuilt; watches can be opened again shortly", retry_after_seconds=1
            )
        shows_present = with_initial or revision is None
        if revision is not None and not shows_present and not self._mirror.reaches(revision):
            self._extend_history(revision)
        mirror, consumers = self._mirror, self._consumers
        mailbox = ConsumerMailbox(self._collection, consumers, options.name, self._registry.events)
        try:
            contents, history = mirror.watch(
                None if shows_present else revision, lambda: mirror.fanout.add(mailbox)
            )
        except errors.Expired:
            mirror.fanout.remove(mailbox)
            raise
        if not self._registry.holds(mirror):  # given up between the look and the subscription
            mailbox.close("expired")
        if self._is_wildcard:
            self._registry.wildcards.add(mailbox, self._ask_consumers, consumers)
        mailbox.begin_after(max(contents.revision, revision or 0))
        initial: list[Record] = []
        if shows_present:
            items = [item for item in contents.items if options.name in ("", item.name)]
            initial = list(self._behind(items, None))
        named = [change for change in history if options.name in ("", change.item.name)]
        return Feed(
            start=contents.revision,
            initial=initial,
            history=(event for change in named for event in mailbox.events(change)),
            mailbox=mailbox,
            position=lambda: max(mirror.fanout.position_of(mailbox), contents.revision),
            close=lambda: mirror.fanout.remove(mailbox),
        )

    # Which state is read.

    def _prepare(self, revision: int | None) -> bool:
        """Make the mirror current where the refresh before the request did not; False: ask the database.

        Waits for a revision of the future; Timeout.
        """
        if not self.is_nonblocking:
            self._registry.bring_forward(self._mirror)
        if not self._mirror.serves:
            return False
        if revision and revision > self._mirror.revision:
            wake.want(self._mirror.family, revision)
            if not self._mirror.wait_for(revision, WAIT_SECONDS, self._registry.bring_forward):
                raise errors.too_large_resource_version(revision, self._mirror.revision)
        return True

    def _contents(self, options: ListOptions) -> Contents:
        if options.namespace:
            raise errors.not_found(self._descriptor.group, self._descriptor.plural, options.name)
        wanted = options.revision or None
        if not self._prepare(wanted):
            found = fallback.contents(self._source())
            self._served(found.revision)
            self._check_reached(wanted, found.revision)
            if options.exact and wanted != found.revision:
                raise errors.ServiceUnavailable(
                    "the replica is being rebuilt; older revisions are not at hand", retry_after_seconds=1
                )
            return found
        if not options.exact or wanted is None:
            return self._mirror.contents()
        if not self._mirror.reaches(wanted):
            self._extend_history(wanted)
        return self._mirror.contents_at(wanted)

    def _extend_history(self, revision: int) -> None:
        if self._mirror.revision < self._mirror.oldest:  # until it moves on, nobody can resume from anywhere
            wake.want(self._mirror.family, self._mirror.oldest)
        try:
            follower.extend_history(connection.hasty_client(), self._mirror, revision)
        except Error:
            raise errors.ServiceUnavailable(
                "older revisions cannot be read at present", retry_after_seconds=1
            ) from None

    def _source(self) -> Source:
        source = rows.find(self._mirror.family.uid)
        if source is None:
            raise errors.NotFound(
                f"the CachedResource behind {self._descriptor.qualified} is gone",
                group=self._descriptor.group,
                kind=self._descriptor.plural,
            )
        return source

    def _served(self, revision: int) -> None:
        """From the database was answered: nothing older may come from the cache."""
        self._mirror.floor = max(self._mirror.floor, revision)

    def _check_reached(self, wanted: int | None, revision: int) -> None:
        if wanted and wanted > revision:
            raise errors.too_large_resource_version(wanted, revision)

    # Which records are made of it.

    def _only_consumer(self) -> str:
        if self._is_wildcard:
            raise errors.BadRequest("a single object cannot be read across all workspaces")
        return self._consumers[0]

    def _matching(self, options: ListOptions, contents: Contents) -> Contents:
        """What the selectors keep; remembered until something changes when `matches` has a `key`.

        Such a key is the text of selectors that see the same in every consumer's workspace.
        """
        matches = options.matches
        if matches is None:
            return contents
        collection, consumer = self._collection, next(iter(self._consumers), "")
        consumer_bytes = consumer.encode()

        def keeps(item: Item) -> bool:
            return matches(item.record(collection, consumer, consumer_bytes))

        return self._mirror.selected(getattr(matches, "key", ""), contents, keeps)

    def _behind(self, items: Sequence[Item], start_after: tuple[str, str, str] | None) -> Iterator[Record]:
        """Records of all consumers in order, from behind a place."""
        for consumer in self._consumers:
            first = 0
            if start_after is not None:
                if consumer < start_after[0]:
                    continue
                first = _place_behind(items, start_after[2]) if consumer == start_after[0] else 0
            consumer_bytes = consumer.encode()
            for item in items[first:] if first else items:
                yield item.record(self._collection, consumer, consumer_bytes)

    def _page(
        self, items: Sequence[Item], options: ListOptions
    ) -> tuple[Sequence[Part], tuple[str, str, str] | None]:
        """The objects of each consumer that belong to a page, and the place behind which the next one begins."""
        after, left = options.start_after, options.limit or len(items) * len(self._consumers)
        place: tuple[str, str, str] | None = None
        parts = deque[Part]()
        for consumer in self._consumers:
            if after is not None and consumer < after[0]:
                continue
            first = _place_behind(items, after[2]) if after is not None and consumer == after[0] else 0
            if first == len(items):
                continue
            if not left:
                return parts, place
            part = items[first : first + left]
            parts.append((consumer, part))
            place, left = (consumer, "", part[-1].name), left - len(part)
            if first + len(part) < len(items):
                return parts, place
        return parts, None

    def _etag(self, revision: int) -> str:
        consumers = self._consumers
        readers = (
            consumers[0] if len(consumers) == 1 else sha256(",".join(consumers).encode()).hexdigest()[:16]
        )
        epoch = self._mirror.epoch if self._mirror.serves else 0
        return f"{self._mirror.family.uid}-{epoch}-{revision}-{readers}"

    def _count_behind(self, items: Sequence[Item], place: tuple[str, str, str]) -> int:
        later = sum(1 for consumer in self._consumers if consumer > place[0])
        return later * len(items) + len(items) - _place_behind(items, place[2])

    def _not_found(self, name: str) -> errors.NotFound:
        return errors.not_found(self._descriptor.group, self._descriptor.plural, name)


def _place_behind(items: Sequence[Item], name: str) -> int:
    low, high = 0, len(items)
    while low < high:
        middle = (low + high) // 2
        if items[middle].name <= name:
            low = middle + 1
        else:
            high = middle
    return low


def _joined(parts: Iterable[Part]) -> Iterator[bytes]:
    """The pieces of a JSON array's inside, of each consumer's objects; made while they are sent."""
    is_first = True
    for consumer, items in parts:
        consumer_bytes = consumer.encode()
        for part in _chunks(items):
            piece = body.splice(b",".join(part), consumer_bytes)
            yield piece if is_first else b"," + piece
            is_first = False


def _chunks(items: Sequence[Item]) -> Iterator[list[bytes]]:
    part: list[bytes] = []
    size_bytes = 0
    for item in items:
        part.append(item.body)
        size_bytes += len(item.body)
        if size_bytes >= _CHUNK_BYTES:
            yield part
            part, size_bytes = [], 0
    if part:
        yield part
