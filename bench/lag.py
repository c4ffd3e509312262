"""One change at a time, and how long each of N open watches takes to see it; the same for a server and its floor."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from bench import connection, watching
from bench.api import Unexpected
from bench.target import Target
from bench.watching import Watch

LONGEST_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Change:
    """A request that changes one object, and what the event of it contains."""

    request: bytes
    marker: bytes


@dataclass(slots=True)
class Lags:
    """Seconds from the request sent, by change (`acknowledged`, `last`) and by delivery (`single`).

    `first` is the first change, which is in none of the others: it finds connections and memories cold.
    """

    first: float = 0.0
    acknowledged: list[float] = field(default_factory=list)
    last: list[float] = field(default_factory=list)
    single: list[float] = field(default_factory=list)
    refused: dict[int, int] = field(default_factory=dict)  # status: watches that were not opened
    opened: int = 0
    opening_seconds: float = 0.0
    client_share: float = 0.0


class _Arrivals:
    """Counts the watches that have seen the present change."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self._marker = b""
        self._missing = 0
        self._all: asyncio.Future[None] | None = None

    def expect(self, marker: bytes, watches: int) -> asyncio.Future[None]:
        """Begin a change; done when all have seen it."""
        self.times = []
        self._marker, self._missing = marker, watches
        self._all = asyncio.get_running_loop().create_future()
        return self._all

    def received(self, watch: Watch, content: bytes, at: float) -> None:
        """An event is over with its line; one that came in two pieces is told by the second alone."""
        if self._all is None or not content.endswith(b"\n"):
            return
        if self._marker not in content and content.startswith(b"{"):
            return
        self.times.append(at)
        self._missing -= 1
        if self._missing == 0 and not self._all.done():
            self._all.set_result(None)


async def measure(
    target: Target, watch_path: str, watches: int, changes: Sequence[Change], pause_seconds: float
) -> Lags:
    """Open watches, then send the changes one by one, each after the last was seen by all and a pause of about
    `pause_seconds`, varied so that it does not fall in step with anything. Raises Unexpected when an event does
    not come."""
    lags, arrivals = Lags(), _Arrivals()
    started = time.perf_counter()
    opened, lags.refused = await watching.open_many(target, watch_path, watches, arrivals.received)
    lags.opened, lags.opening_seconds = len(opened), time.perf_counter() - started
    writer = await connection.connect(target)
    cpu, started = time.process_time(), time.perf_counter()
    paused = 0.0
    try:
        for change in changes if opened else ():
            pause = pause_seconds * random.uniform(0.5, 1.5)
            paused += pause
            await asyncio.sleep(pause)
            await _one(writer, arrivals, change, opened, lags)
            if not lags.first:
                lags.first = lags.last[0]
                lags.acknowledged, lags.last, lags.single = [], [], []
        busy_seconds = time.perf_counter() - started - paused
        lags.client_share = (time.process_time() - cpu) / busy_seconds if busy_seconds > 0 else 0.0
    finally:
        writer.close()
        for watch in opened:
            watch.close()
    return lags


async def _one(
    writer: connection.Connection, arrivals: _Arrivals, change: Change, opened: list[Watch], lags: Lags
) -> None:
    seen = arrivals.expect(change.marker, len(opened))
    sent = time.perf_counter()
    answering = asyncio.ensure_future(writer.ask(change.request))
    try:
        async with asyncio.timeout(LONGEST_SECONDS):
            await seen
            answer = await answering
    except TimeoutError:
        missing = len(opened) - len(arrivals.times)
        ended = sum(watch.ended for watch in opened)
        raise Unexpected(
            f"{missing} of {len(opened)} watches saw no event in {LONGEST_SECONDS} s; {ended} ended"
        ) from None
    if answer.status != 200:
        raise Unexpected(f"a change was answered {answer.status}: {answer.body[:300]!r}")
    lags.acknowledged.append(answer.seconds)
    lags.last.append(max(arrivals.times) - sent)
    lags.single += [at - sent for at in arrivals.times]


def floor_changes(size_bytes: int, count: int, target: Target) -> list[Change]:
    """Changes of the bare server (`bench.hello`), whose events have so many bytes."""
    request = connection.encode(target, "POST", f"/change/{size_bytes}", {})
    return [Change(request, b"x")] * count
