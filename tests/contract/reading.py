"""Reads feeds to a revision, and runs writers at the same time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connections

from kcpcache.apimachinery.storage import Event, Feed, Key, Page, Record

DEADLINE_SECONDS = 20.0


class FeedReader:
    """Collects what a feed delivers."""

    def __init__(self, feed: Feed) -> None:
        self.feed = feed
        self.events: list[Event] = list(feed.history)
        self._ready = threading.Event()
        feed.mailbox.on_ready = self._ready.set

    def until(self, revision: int) -> list[Event]:
        """Every event so far, once one at this revision or later was delivered."""
        self._wait(
            lambda: bool(self.events) and self.events[-1].revision >= revision, f"an event at {revision}"
        )
        return self.events

    def until_position(self, revision: int) -> list[Event]:
        """Every event so far, once the feed says that it has come to this revision."""
        reached = False

        def check() -> bool:
            nonlocal reached
            if reached:
                return True
            reached = self.feed.position() >= revision  # asked first: what lies before is in the mailbox then
            self._take()
            return reached

        self._wait(check, f"position {revision}")
        return self.events

    def _wait(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while True:
            self._ready.clear()
            self._take()
            if condition():
                return
            assert time.monotonic() < deadline, f"{what} did not come; got {self.events}"
            self._ready.wait(0.05)

    def _take(self) -> None:
        self.events += self.feed.mailbox.take()


def replayed(records: Sequence[Record], events: Sequence[Event]) -> dict[Key, bytes]:
    """The state that a client computes from a list and the events after it."""
    state = {record.key: record.body for record in records}
    for event in events:
        if event.type == "DELETED":
            assert state.pop(event.key) == event.previous
        else:
            assert (event.key in state) == (event.type == "MODIFIED"), event
            assert state.get(event.key) == event.previous
            state[event.key] = event.body
    return state


def state_of(page: Page) -> dict[Key, bytes]:
    """A list as a state."""
    return {record.key: record.body for record in page.records}


def together(*jobs: Callable[[], Any]) -> list[Any]:
    """Run jobs in threads of their own that start at the same time; their results, or the first error."""
    barrier = threading.Barrier(len(jobs))

    def run(job: Callable[[], Any]) -> Any:
        try:
            barrier.wait(DEADLINE_SECONDS)
            return job()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(jobs)) as pool:
        futures = [pool.submit(run, job) for job in jobs]
        return [future.result(60) for future in futures]
