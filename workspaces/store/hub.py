"""Fan-out in one process: which mailbox wants which change."""

from __future__ import annotations

import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from itertools import product

from kcpcache.apimachinery.mailbox import Mailbox
from kcpcache.apimachinery.storage import Collection, Event, Key

logger = logging.getLogger(__name__)

# What a watch handles in one turn of the event loop, about.
_TURN_EVENTS = 100
_TURN_BYTES = 64 * 1024
_MOST_TURNS = 100

_Address = tuple[str, str, str, str, str, str]  # cluster or *, group, resource, identity, namespace, name


class Subscription(Mailbox[Event]):
    """A mailbox that drops events its reader has seen already."""

    __slots__ = ("_after", "address")

    def __init__(self, address: _Address) -> None:
        super().__init__()
        self.address = address
        self._after = 0

    def begin_after(self, revision: int) -> None:
        """Deliver only events after this revision; called before the first `take`."""
        self._after = revision

    def size_bytes(self, item: Event) -> int:
        """The bodies of an event."""
        return size_bytes(item)

    def take(self) -> list[Event]:
        """All events there are, without those its reader has seen."""
        events = super().take()
        if events and events[0].revision <= self._after:
            return [event for event in events if event.revision > self._after]
        return events


class Hub:
    """The subscriptions of a process, found by what a change is about.

    `post` runs a function where mailboxes are filled: at once in the publisher's thread, or (set by the web
    process) on the event loop, so that readers there need no locks. `position` is the revision up to
    which every change lies in the mailboxes it concerns: what a bookmark may say, if it is read before
    the mailbox is emptied for the last time.
    """

    def __init__(self) -> None:
        self.post: Callable[[Callable[[], None]], None] = lambda deliver: deliver()
        self.position = 0
        self._guard = threading.Lock()
        self._subscriptions: dict[_Address, set[Subscription]] = {}

    def subscribe(self, collection: Collection, namespace: str = "", name: str = "") -> Subscription:
        """A mailbox for every later change of a collection, of one namespace or of one name in it."""
        subscription = Subscription(
            (
                collection.cluster,
                collection.group,
                collection.resource,
                collection.identity,
                namespace,
                name,
            )
        )
        with self._guard:
            self._subscriptions.setdefault(subscription.address, set()).add(subscription)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """Forget a mailbox; more than once does no harm."""
        with self._guard:
            self._remove(subscription)

    def is_idle(self) -> bool:
        """Whether nobody is subscribed."""
        return not self._subscriptions

    def skip_to(self, revision: int) -> bool:
        """Move on without publishing, if nobody is subscribed; whether that was so.

        `revision` was read before: whoever subscribes after this reads a state that is at least as new.
        """
        with self._guard:
            if self._subscriptions:
                return False
            self.position = revision
            return True

    def publish(
        self,
        events: list[Event],
        reached: int,
        *,
        unreadable: Sequence[Key] = (),
        done: Callable[[], None] = lambda: None,
    ) -> None:
        """Put events, in order, into the mailboxes they concern; then `position` is `reached`.

        Args:
            events: what happened.
            reached: the revision up to which that is everything.
            unreadable: keys of changes that are not among the events; whoever they concern must list again.
            done: called where mailboxes are filled, when their readers had about the time that so many events take.
        """

        def deliver() -> None:
            try:
                if unreadable:
                    self._close(unreadable)
                self._deliver(events, reached)
            finally:
                self._call_after(_turns(events), done)

        self.post(deliver)

    def close_all(self, reason: str) -> None:
        """Close and forget every mailbox."""
        with self._guard:
            closing = [one for group in self._subscriptions.values() for one in group]
            self._subscriptions.clear()
        if closing:
            self.post(lambda: _close(closing, reason))

    def _call_after(self, turns: int, done: Callable[[], None]) -> None:
        if turns:
            self.post(partial(self._call_after, turns - 1, done))
        else:
            done()

    def _close(self, unreadable: Sequence[Key]) -> None:
        with self._guard:
            closing = {
                subscription
                for key in unreadable
                for address in _addresses(key)
                for subscription in self._subscriptions.get(address, ())
            }
            for subscription in closing:
                self._remove(subscription)
        _close(list(closing), "expired")

    def _deliver(self, events: list[Event], reached: int) -> None:
        batches: defaultdict[Subscription, list[Event]] = defaultdict(list)
        with self._guard:
            for event in events:
                for address in _addresses(event.key):
                    for subscription in self._subscriptions.get(address, ()):
                        batches[subscription].append(event)
        for subscription, batch in batches.items():
            try:
                subscription.put(batch)
            except Exception:  # its reader is broken, which must not concern the others
                logger.exception("a watch ends, as its reader cannot be woken")
                self.unsubscribe(subscription)
            if subscription.closed_reason:
                self.unsubscribe(subscription)
        self.position = max(self.position, reached)

    def _remove(self, subscription: Subscription) -> None:
        group = self._subscriptions.get(subscription.address)
        if group is not None:
            group.discard(subscription)
            if not group:
                del self._subscriptions[subscription.address]


def size_bytes(event: Event) -> int:
    """How much an event holds besides what every event does."""
    return len(event.body) + (len(event.previous) if event.previous else 0)


def _turns(events: list[Event]) -> int:
    """After how many turns of the event loop watches are ready for more; none where there is little to do."""
    turns = max(len(events) // _TURN_EVENTS, sum(len(event.body) for event in events) // _TURN_BYTES)
    return min(turns, _MOST_TURNS)


def _addresses(key: Key) -> list[_Address]:
    clusters, namespaces, names = (key.cluster, "*"), {key.namespace, ""}, (key.name, "")
    return [
        (cluster, key.group, key.resource, key.identity, namespace, name)
        for cluster, namespace, name in product(clusters, namespaces, names)
    ]


def _close(subscriptions: list[Subscription], reason: str) -> None:
    for subscription in subscriptions:
        try:
            subscription.close(reason)
        except Exception:  # its reader is gone, which must not concern the others
            logger.exception("a closed watch cannot be woken")
