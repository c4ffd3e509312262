"""A replica in the memory of a process: objects in order, and the last changes, so that they can be undone.

Nothing here speaks to Redis: `replica.follower` fills a mirror, `replica.reader` answers from it.
"""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from kcpcache.apimachinery import errors
from replication.replica.fanout import Fanout, Post
from replication.replica.item import Change, Item
from replication.replica.keys import Family

_LOG_ENTRIES = 5_000
_LOG_BYTES = 16 * 1024 * 1024
_REMEMBERED_SELECTIONS = 32
_REMEMBERED_FORMER = 4
_LOOK_SECONDS = 0.05

Matches = Callable[[Item], bool]


@dataclass(frozen=True, slots=True)
class Contents:
    """The objects of one moment, in the order of their names. Nobody changes it."""

    revision: int
    items: Sequence[Item]


class Mirror:
    """One replica. Reading and applying take its lock for moments; lists that were handed out never change.

    `epoch` 0 means nothing is loaded. `floor` is the newest revision that anybody in this process has been
    answered with: nothing older is served. `oldest` is the first revision that can be resumed from: what was
    answered at those before it is not what the replica held. `is_lost` says that Redis has no such replica at
    present. `is_followed` says that the refresh before each request covers it.
    """

    def __init__(self, family: Family, post: Post) -> None:
        self.family = family
        self.fanout = Fanout(post)
        self.changed = threading.Condition(threading.Lock())
        self.catching_up = threading.RLock()  # one thread at a time brings the mirror forward
        self.epoch = 0
        self.revision = 0
        self.floor = 0
        self.oldest = 0
        self.is_lost = False
        self.is_followed = False
        self.used_at = time.monotonic()
        self.seen_at = 0.0  # when Redis was last heard to say that this is its state
        self._items_bytes = 0
        self._names: list[str] = []
        self._items: list[Item] = []
        self._is_shared = False
        self._log: deque[Change] = deque()
        self._log_bytes = 0
        self._log_floor = 0
        self._selections: dict[str, list[Item]] = {}
        self._former: dict[int, Contents] = {}  # older states that are being paged through

    @property
    def serves(self) -> bool:
        """Whether reads may be answered from here."""
        return self.epoch > 0 and not self.is_lost and self.revision >= self.floor

    @property
    def size_bytes(self) -> int:
        """What the objects and the remembered changes hold in memory, about."""
        return self._items_bytes + self._log_bytes

    @property
    def stale_seconds(self) -> float:
        """For how long Redis has not confirmed that this is its state."""
        return time.monotonic() - self.seen_at

    def replace(self, epoch: int, revision: int, items: list[Item], begin: int, since: list[Change]) -> None:
        """Take the whole content anew.

        `since` are the changes after `begin`, which led to it. Watchers who stand at `begin` or later go on with
        them, if they lead there from what was answered so far; all others must list again. They do not where
        somebody tampered with Redis, and the replica was filled again before anything else happened.
        """
        is_joined = begin <= self.revision
        goes_on = is_joined and (not self.epoch or self._becomes(items, since))
        with self.changed:
            if is_joined and not goes_on:
                self.oldest = self.revision + 1
            unseen = [change for change in since if change.revision > self.revision]
            self._items, self._names = items, [item.name for item in items]
            self._is_shared = False
            self._selections.clear()
            self._former.clear()
            self._log.clear()
            self._log_bytes = 0
            self._log_floor = begin
            self._remember(since)
            self._items_bytes = sum(len(item.body) for item in items)
            self.epoch, self.revision, self.is_lost = epoch, revision, False
            self.floor = max(self.floor, revision)
            self.changed.notify_all()
        if not goes_on:
            self.fanout.close_all("expired")
        self.fanout.publish(unseen if goes_on else [], revision)

    def apply(self, changes: list[Change], reached: int) -> None:
        """Make changes, in order, and tell the watchers."""
        with self.changed:
            known = self.revision
            changes = [change for change in changes if change.revision > known]
            if changes:
                self._own()
                for change in changes:
                    self._make(change)
                self._selections.clear()
                self._remember(changes)
            self.revision = max(known, reached)
            self.floor = max(self.floor, self.revision)
            self.is_lost = False
            self.changed.notify_all()
        self.fanout.publish(changes, reached)

    def lose(self) -> None:
        """Redis has no such replica: answer nothing from here until it has."""
        self.is_lost = True

    def wait_for(self, revision: int, timeout_seconds: float, look: Callable[[Mirror], None]) -> bool:
        """Block until the mirror has come to a revision, looking for it now and then; whether it has."""
        ends_at = time.monotonic() + timeout_seconds
        while not (self.serves and self.revision >= revision):
            with self.changed:
                left_seconds = ends_at - time.monotonic()
                if left_seconds <= 0:
                    return False
                self.changed.wait(min(left_seconds, _LOOK_SECONDS))
            look(self)
        return True

    def find(self, name: str) -> tuple[int, Item | None]:
        """The revision, and the object with a name."""
        with self.changed:
            place = bisect_left(self._names, name)
            is_there = place < len(self._names) and self._names[place] == name
            return self.revision, self._items[place] if is_there else None

    def contents(self) -> Contents:
        """All objects as of now."""
        with self.changed:
            self._is_shared = True
            return Contents(self.revision, self._items)

    def reaches(self, revision: int) -> bool:
        """Whether the changes behind a revision are all remembered."""
        return revision >= max(self._log_floor, self.oldest)

    def contents_at(self, revision: int) -> Contents:
        """All objects as of an older revision that the log reaches; Expired when it does not."""
        with self.changed:
            if (known := self._former.get(revision)) is not None:
                return known
            self._is_shared = True
            epoch, items, undone = self.epoch, self._items, self._changes_after(revision)
        if not undone:
            return Contents(revision, items)
        former = Contents(revision, _undo(items, undone))
        with self.changed:
            if len(self._former) >= _REMEMBERED_FORMER:
                self._former.clear()
            if self.epoch == epoch:
                self._former[revision] = former
        return former

    def watch(self, revision: int | None, subscribe: Callable[[], None]) -> tuple[Contents, list[Change]]:
        """The present content and the changes behind a revision; `subscribe` is called at that moment."""
        with self.changed:
            history = [] if revision is None else self._changes_after(revision)
            subscribe()
            self._is_shared = True
            return Contents(self.revision, self._items), history

    def extend_log(self, epoch: int, changes: list[Change], floor: int, reached: int) -> bool:
        """Remember changes from before the log's beginning: all of an epoch after `floor`, up to `reached`.

        Returns False where they do not join what is remembered, because that has moved on meanwhile.
        """
        with self.changed:
            if epoch != self.epoch or reached < self._log_floor:
                return False
            older = [change for change in changes if change.revision <= self._log_floor]
            self._log.extendleft(reversed(older))
            self._log_bytes += sum(change.size_bytes for change in older)
            self._log_floor = min(self._log_floor, floor)
            return True

    def selected(self, key: str, contents: Contents, matches: Matches) -> Contents:
        """What a selector keeps of some contents, remembered under its text while they are the present ones."""
        with self.changed:
            is_present = bool(key) and contents.items is self._items
            found = self._selections.get(key) if is_present else None
        if found is None:
            found = [item for item in contents.items if matches(item)]
            with self.changed:
                if (
                    is_present
                    and contents.items is self._items
                    and len(self._selections) < _REMEMBERED_SELECTIONS
                ):
                    self._selections[key] = found
        return Contents(contents.revision, found)

    def _changes_after(self, revision: int) -> list[Change]:
        if not self.reaches(revision):
            raise errors.expired_resource_version(revision, max(self._log_floor, self.oldest))
        found: list[Change] = []
        for change in reversed(self._log):
            if change.revision <= revision:
                break
            found.append(change)
        found.reverse()
        return found

    def _becomes(self, items: Iterable[Item], since: Iterable[Change]) -> bool:
        """Whether these objects, byte by byte, are what some changes make of the present ones."""
        bodies = {item.name: item.body for item in self._items}
        for change in since:
            if change.type == "D":
                bodies.pop(change.item.name, None)
            else:
                bodies[change.item.name] = change.item.body
        return bodies == {item.name: item.body for item in items}

    def _own(self) -> None:
        """Lists that were handed out stay as they are: go on with copies."""
        if self._is_shared:
            self._items = list(self._items)
            self._is_shared = False

    def _make(self, change: Change) -> None:
        name = change.item.name
        place = bisect_left(self._names, name)
        is_there = place < len(self._names) and self._names[place] == name
        if is_there:
            self._items_bytes -= len(self._items[place].body)
        if change.type == "D":
            if is_there:
                del self._names[place], self._items[place]
            return
        self._items_bytes += len(change.item.body)
        if is_there:
            self._items[place] = change.item
        else:
            self._names.insert(place, name)
            self._items.insert(place, change.item)

    def _remember(self, changes: Iterable[Change]) -> None:
        for change in changes:
            self._log.append(change)
            self._log_bytes += change.size_bytes
        while len(self._log) > _LOG_ENTRIES or (self._log_bytes > _LOG_BYTES and len(self._log) > 1):
            gone = self._log.popleft()
            self._log_bytes -= gone.size_bytes
            self._log_floor = gone.revision


def _undo(items: Sequence[Item], undone: Iterable[Change]) -> list[Item]:
    """The objects before some changes, of which the last is undone first."""
    former = list(items)
    for change in reversed(list(undone)):
        name = change.item.name
        place = bisect_left(former, name, key=lambda item: item.name)
        is_there = place < len(former) and former[place].name == name
        if change.previous is None:
            if is_there:
                del former[place]
        elif is_there:
            former[place] = change.previous
        else:
            former.insert(place, change.previous)
    return former
