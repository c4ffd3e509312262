"""Fan-out in one process: which mailbox wants which change."""

from __future__ import annotations

import logging
import threading
from collections import defaultdict
from collections.abc import Callable
from itertools import product

from kcpcache.apimachinery.mailbox import Mailbox
from kcpcache.apimachinery.storage import Collection, Event

logger = logging.getLogger(__name__)

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

    def publish(self, events: list[Event], reached: int) -> None:
        """Put events, in order, into the mailboxes they concern; then `position` is `reached`."""
        self.post(lambda: self._deliver(events, reached))

    def close_all(self, reason: str) -> None:
        """Close and forget every mailbox."""
        with self._guard:
            closing = [one for group in self._subscriptions.values() for one in group]
            self._subscriptions.clear()
        if closing:
            self.post(lambda: _close(closing, reason))

    def _deliver(self, events: list[Event], reached: int) -> None:
        batches: defaultdict[Subscription, list[Event]] = defaultdict(list)
        with self._guard:
            for event in events:
                for address in _addresses(event):
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


def _addresses(event: Event) -> list[_Address]:
    key = event.key
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
