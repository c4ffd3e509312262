"""One reader a process follows the change log and hands each change to the watchers it concerns.

Watchers subscribe first, then read history, then drop what they have seen (`Subscription.begin_after`).
The follower is woken by `notify` and polls besides, so a lost hint costs half a second and nothing else. Other
processes are told by whatever `add_announcer` was given, and wake their followers by `wake`.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from contextlib import suppress

from django.db import connections

from kcpcache import outage
from kcpcache.apimachinery import errors
from workspaces.store import changelog, revisions
from workspaces.store.hub import Hub, Subscription
from workspaces.store.pagesize import PageSize

__all__ = [
    "Follower",
    "Hub",
    "Subscription",
    "add_announcer",
    "follower",
    "hub",
    "notify",
    "start",
    "stop",
    "wake",
]

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.5
BACKOFF_SECONDS = 1.0
START_SECONDS = 2.0  # how long `start` waits for the database
DELIVERY_SECONDS = 10.0  # how long the follower waits for watchers to take a batch before it reads the next


class Follower(threading.Thread):
    """Follows the log from its newest revision on, and publishes to a hub.

    `position` is the revision up to which everything was published. Database errors make it wait and
    connect again; a log that was compacted before it was read closes every mailbox with ``expired``; a change
    that cannot be decrypted closes those that it concerns. It never reads far ahead of what was delivered, so a
    slow event loop has to hold one batch and not the whole log.
    """

    def __init__(self, hub: Hub) -> None:
        super().__init__(name="store-follower", daemon=True)
        self.position = 0
        self._hub = hub
        self._woken = threading.Event()
        self._ready = threading.Event()
        self._stopping = False
        self._delivered = threading.Event()  # of the batch that was published last
        self._delivered.set()

    def begin(self) -> None:
        """Start, and wait a little until the first revision is known.

        A watch that is opened before it is known ends with ``expired`` and starts again.
        """
        self.start()
        self._ready.wait(START_SECONDS)

    def wake(self) -> None:
        """Say that there may be something to read."""
        self._woken.set()

    def stop(self) -> None:
        """End the thread."""
        self._stopping = True
        self._woken.set()
        self._delivered.set()
        if self.is_alive():
            self.join()

    def run(self) -> None:
        """Read, publish, wait; until stopped."""
        try:
            while not self._stopping:
                self._woken.clear()
                pause_seconds = self._try_to_advance()
                if not self._stopping:
                    self._woken.wait(pause_seconds)
        finally:
            connections.close_all()

    def _try_to_advance(self) -> float:
        """One step; how long to wait for a hint after it."""
        try:
            self._advance()
        except errors.Expired:
            logger.warning("the change log was compacted before it was read: open watches end with Expired")
            self.position = 0
            return 0.0
        except Exception as error:  # without a follower no watch lives, and the next attempt may succeed
            outage.report(logger, error, "the change log cannot be followed, trying again")
            with suppress(Exception):
                connections.close_all()
            return BACKOFF_SECONDS
        return POLL_SECONDS

    def _advance(self) -> None:
        """Publish everything there is."""
        if not self.position:
            self._jump(revisions.newest().value)
            self._ready.set()
        size = PageSize()
        while not self._stopping:
            if self._hub.is_idle() and self._hub.skip_to(newest := revisions.newest().value):
                self.position = newest
                return
            self._delivered.wait(DELIVERY_SECONDS)
            limit = size.limit
            batch = changelog.batch_after(self.position, limit=limit, skips_unreadable=True)
            if batch.reached > self.position:
                self._publish(batch)
            if len(batch.changes) + len(batch.unreadable) < limit:
                return
            size.learn(len(change.body) + len(change.previous or b"") for change in batch.changes)

    def _publish(self, batch: changelog.Batch) -> None:
        if batch.unreadable:
            logger.error(
                "%d changes up to revision %d cannot be decrypted: watches that they concern end with Expired",
                len(batch.unreadable),
                batch.reached,
            )
        delivered = threading.Event()
        self._hub.publish(
            [changelog.event(change) for change in batch.changes],
            batch.reached,
            unreadable=batch.unreadable,
            done=delivered.set,
        )
        self._delivered = delivered
        self.position = batch.reached

    def _jump(self, revision: int) -> None:
        """Go on from a revision without what lies before; whoever waited for that must list again."""
        self._hub.close_all("expired")
        self._hub.skip_to(revision)
        self.position = revision


_guard = threading.RLock()
_hub = Hub()
_follower: Follower | None = None
_announcers: list[Callable[[], None]] = []


def add_announcer(announce: Callable[[], None]) -> None:
    """Have `announce` called after each commit of this process, to tell others; it neither blocks nor raises."""
    _announcers.append(announce)


def hub() -> Hub:
    """The hub of this process."""
    return _hub


def follower() -> Follower | None:
    """The follower of this process, None when none was started."""
    return _follower


def start() -> None:
    """Begin to follow the log in this process, unless that was done before."""
    global _follower
    with _guard:
        if _follower is None or not _follower.is_alive():
            _follower = Follower(_hub)
            _follower.begin()


def stop() -> None:
    """End following; every open watch ends with ``shutdown``."""
    global _follower
    with _guard:
        if _follower is not None:
            _follower.stop()
            _follower = None
        _hub.close_all("shutdown")
        _hub.position = 0


def notify() -> None:
    """Say that something was committed here; nothing is read while nobody watches."""
    wake()
    for announce in _announcers:
        announce()


def wake() -> None:
    """Have the follower read, if anybody watches here; otherwise it polls now and then, to keep its place."""
    if _follower is not None and not _hub.is_idle():
        _follower.wake()


def _forget() -> None:
    global _hub, _follower, _guard
    _hub, _follower, _guard = Hub(), None, threading.RLock()


os.register_at_fork(after_in_child=_forget)  # threads do not survive a fork
