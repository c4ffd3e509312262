"""From the one follower of a stream to the mailboxes of all who watch it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import cast

from kcpcache.apimachinery.mailbox import Mailbox
from kcpcache.apimachinery.storage import Collection, Event
from replication.replica.item import Change

Post = Callable[[Callable[[], None]], None]


def at_once(deliver: Callable[[], None]) -> None:
    """Fill mailboxes in the follower's thread; a web process fills them on its event loop instead."""
    deliver()


class ConsumerMailbox(Mailbox[Event]):
    """Changes of the replica, taken as events of the consumers that the watcher sees.

    `consumers` are logical clusters in order. Changes wait as they are, once for all watchers; an event is made
    when the first of a consumer's watchers takes it. All events of one revision are taken together.
    """

    __slots__ = ("_after", "_collection", "_consumers", "is_finished", "name")

    def __init__(self, collection: Collection, consumers: Sequence[str], name: str) -> None:
        super().__init__()
        self.name = name
        self._collection = collection
        self._consumers = consumers
        self._after = 0
        self.is_finished = False  # its reader has gone, or it was closed

    def begin_after(self, revision: int) -> None:
        """Deliver only later events; called before the first `take`."""
        self._after = revision

    def put_changes(self, changes: list[Change]) -> None:
        """What the fan-out has for everybody."""
        mine = changes if not self.name else [change for change in changes if change.item.name == self.name]
        if mine:
            self.put(cast("list[Event]", mine))

    def take(self) -> list[Event]:
        """See `Mailbox.take`."""
        return list(self.events(cast("list[Change]", super().take())))

    def events(self, changes: Iterable[Change]) -> Iterable[Event]:
        """The events of some changes, without those before the beginning."""
        for change in changes:
            if change.revision > self._after:
                for consumer in self._consumers:
                    yield change.event(self._collection, consumer)


class Fanout:
    """The mailboxes that follow one replica.

    `position` is the revision up to which every change lies in the mailboxes: what a bookmark may say.
    """

    def __init__(self, post: Post) -> None:
        self.position = 0
        self._post = post
        self._guard = threading.Lock()
        self._mailboxes: set[ConsumerMailbox] = set()

    def add(self, mailbox: ConsumerMailbox) -> None:
        """Have a mailbox get everything from now on."""
        with self._guard:
            self._mailboxes.add(mailbox)

    def remove(self, mailbox: ConsumerMailbox) -> None:
        """Forget a mailbox; more than once does no harm."""
        mailbox.is_finished = True
        with self._guard:
            self._mailboxes.discard(mailbox)

    def is_idle(self) -> bool:
        """Whether nobody watches."""
        return not self._mailboxes

    def publish(self, changes: list[Change], reached: int) -> None:
        """Put changes, in order, into all mailboxes; then `position` is `reached`."""
        self._post(lambda: self._deliver(changes, reached))

    def close_all(self, reason: str) -> None:
        """Close and forget every mailbox."""
        with self._guard:
            closing, self._mailboxes = self._mailboxes, set()
        if closing:
            self._post(lambda: _close(closing, reason))

    def _deliver(self, changes: list[Change], reached: int) -> None:
        with self._guard:
            mailboxes = list(self._mailboxes) if changes else []
        for mailbox in mailboxes:
            mailbox.put_changes(changes)
            if mailbox.closed_reason:
                self.remove(mailbox)
        self.position = max(self.position, reached)


def _close(mailboxes: set[ConsumerMailbox], reason: str) -> None:
    for mailbox in mailboxes:
        mailbox.close(reason)
