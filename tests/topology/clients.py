"""A writer and a watcher that live through restarts, as client-go's do: they try again, elsewhere."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import threading
from collections.abc import Iterator, Sequence
from typing import Any

from tests.e2e.catalogue import Workspace
from tests.topology.watching import version
from tests.waiting import until

# What a client may meet while a server goes away or is not there.
AWAY = (OSError, http.client.HTTPException)


def create_somewhere(places: Iterator[Workspace], path: str, obj: dict[str, Any]) -> None:
    """Create an object at the next process that answers; an answer that was lost may mean that it exists."""
    name, attempts = obj["metadata"]["name"], 0

    def is_stored() -> bool:
        nonlocal attempts
        place = next(places)
        attempts += 1
        try:
            answer = place.api.request("POST", place.url(path), obj)
        except AWAY:
            return False
        return answer.status == 201 or (answer.status == 409 and attempts > 1) or _refused(answer.status)

    until(is_stored, timeout_seconds=30, what=f"{name} to be stored")


def _refused(status: int) -> bool:
    assert status in (409, 503), f"a write was answered with {status}"
    return False


class Informer:
    """Lists once, then watches for as long as it is wanted, going on at the next process when a watch ends."""

    def __init__(self, places: Sequence[Workspace], path: str) -> None:
        """`places`: the same workspace at each process."""
        self._places = itertools.cycle(places)
        self._path = path
        listed = next(self._places).get(path)
        self.version = version(listed)
        self.seen: list[tuple[str, str, int]] = []
        self.watches = 0
        self._is_wanted = True
        self._thread = threading.Thread(target=self._run, daemon=True)

    @contextlib.contextmanager
    def running(self) -> Iterator[Informer]:
        """Watch for the length of the block."""
        self._thread.start()
        try:
            yield self
        finally:
            self._is_wanted = False
            self._thread.join(30)

    def _run(self) -> None:
        while self._is_wanted:
            with contextlib.suppress(*AWAY, AssertionError):
                self._watch(next(self._places))

    def _watch(self, place: Workspace) -> None:
        """One watch, until it ends; what was read counts as seen."""
        with place.api.watch(place.url(self._path), resourceVersion=self.version) as events:
            self.watches += 1
            position = 0
            while self._is_wanted and not (events.ended and position == len(events.all)):
                until(lambda: len(events.all) > position or events.ended or not self._is_wanted)  # noqa: B023
                for event in events.all[position:]:
                    position += 1
                    assert event["type"] != "ERROR", event
                    self.version = version(event)
                    self.seen.append((event["type"], event["object"]["metadata"]["name"], int(self.version)))
