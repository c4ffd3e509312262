"""Watches across all consumers end when consumers come or go: what they show is another set of objects then."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from replication.replica.fanout import ConsumerMailbox
from workspaces.store import revisions


@dataclass(frozen=True, slots=True)
class _Watch:
    mailbox: ConsumerMailbox
    ask_consumers: Callable[[], Sequence[str]]
    consumers: tuple[str, ...]


class Wildcards:
    """The open wildcard watches of a process, looked through when the workspaces' APIs changed."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._watches: list[_Watch] = []
        self._seen = -1  # the newest of the workspaces' APIs when all watches were found right
        self._added = 0

    def add(
        self, mailbox: ConsumerMailbox, ask_consumers: Callable[[], Sequence[str]], consumers: tuple[str, ...]
    ) -> None:
        """Have a watch end when `ask_consumers` no longer says `consumers`."""
        with self._guard:
            self._watches.append(_Watch(mailbox, ask_consumers, consumers))
            self._seen = -1
            self._added += 1

    def check(self) -> list[ConsumerMailbox]:
        """The mailboxes whose watches must end; forgets them and those that ended by themselves."""
        with self._guard:
            self._watches = [watch for watch in self._watches if not watch.mailbox.is_finished]
            watches, added = list(self._watches), self._added
        if not watches or (now := revisions.newest().discovery) == self._seen:
            return []
        ended = [watch for watch in watches if tuple(watch.ask_consumers()) != watch.consumers]
        with self._guard:
            self._watches = [watch for watch in self._watches if watch not in ended]
            if self._added == added:  # one that came meanwhile was not asked
                self._seen = now
        return [watch.mailbox for watch in ended]
