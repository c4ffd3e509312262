"""From the one follower of a stream to the mailboxes of all who watch it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from kcpcache.apimachinery.mailbox import Mailbox
from kcpcache.apimachinery.storage import Collection, Event
from replication.replica.events import Events
from replication.replica.item import Change

_TAKEN_BYTES = 1024 * 1024  # bodies in the events that are taken at once; those of one revision may be more

Post = Callable[[Callable[[], None]], None]


def at_once(deliver: Callable[[], None]) -> None:
    """Fill mailboxes in the follower's thread; a web process fills them on its event loop instead."""
    deliver()


class ConsumerMailbox(Mailbox[Event]):
    """Changes of the replica, taken as events of the consumers that the watcher sees.

    `consumers` are logical clusters in order. Changes wait as they are, once for all watchers; an event is made
    when the first of a consumer's watchers takes it. All events of one revision are taken together.
    """

    __slots__ = ("_after", "_collection", "_consumers", "_events", "_rest", "is_finished", "name")

    def __init__(self, collection: Collection, consumers: Sequence[str], name: str, events: Events) -> None:
        super().__init__()
        self.name = name
        self._collection = collection
        self._consumers = [(consumer, collection.identity) for consumer in consumers]
        self._events = events
        self._after = 0
        self._rest: Sequence[Change] = ()  # taken out of the mailbox, and too much for the last `take`
        self.is_finished = False  # its reader has gone, or it was closed

    @property
    def is_empty(self) -> bool:
        """Whether all that was put has been taken."""
        return not self._items and not self._rest

    def begin_after(self, revision: int) -> None:
        """Deliver only later events; called before the first `take`."""
        self._after = revision

    def put_changes(self, changes: list[Change]) -> None:
        """What the fan-out has for everybody."""
        mine: Any = changes  # events in time: `take` makes them
        if self.name:
            mine = [change for change in changes if change.item.name == self.name]
        if mine:
            self.put(mine)

    def take(self) -> list[Event]:
        """See `Mailbox.take`; of very many events only the first, and the reader is woken for the others.

        It is woken for the end as well, when it takes something from a mailbox that is closed already: it may
        have no use for that, and wait.
        """
        events: list[Event] = []
        rest = self._rest
        while not events:
            if not rest or self._reason == "slow":
                waiting: Any = super().take()
                if not waiting:
                    return events
                rest = waiting
            if len(rest) == 1:
                events = self.events(rest[0]) if rest[0].revision > self._after else events
                rest = ()
            else:
                events, rest = self._first(rest)
        self._rest = rest
        if rest or self._reason:
            self._wake()
        return events

    def _first(self, changes: Sequence[Change]) -> tuple[list[Event], Sequence[Change]]:
        """The events of as many of the first changes as are taken at once, and the other changes."""
        events: list[Event] = []
        size_bytes = count = 0
        for change in changes:
            count += 1
            if change.revision > self._after:
                events += self.events(change)
                size_bytes += change.size_bytes * len(self._consumers)
                if size_bytes >= _TAKEN_BYTES:
                    break
        return events, changes[count:]

    def events(self, change: Change) -> list[Event]:
        """The events of one change: those that other watchers have just seen are the same."""
        made, make, collection = change.events, self._events.make, self._collection
        return [made.get(consumer) or make(change, collection, consumer) for consumer in self._consumers]


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

    def position_of(self, mailbox: ConsumerMailbox) -> int:
        """The revision up to which a reader has every change when it has taken what is in its mailbox once.

        0 while something waits there: one `take` may not give it all.
        """
        position = self.position  # first: what lies before it is in the mailbox by now
        return position if mailbox.is_empty else 0

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
