"""Traffic under a fault: writers who keep a ledger, and readers who keep every answer. No one gives up."""

from __future__ import annotations

import asyncio
import itertools
import time
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Self

from tests.e2e.catalogue import flavour
from tests.faults import records
from tests.faults.ledger import ADDED, DELETED, MODIFIED, NUMBER, Ledger, Outcome, Write
from tests.faults.recorder import Recorder
from tests.faults.records import Listing
from tests.faults.wire import Answer, Broken, Connection, connected

_RETRY_SECONDS = 0.05
_numbers = itertools.count(1)
# What a writer does again and again: of twelve writes four create, six update and two delete.
_STEPS = (
    ADDED,
    MODIFIED,
    ADDED,
    MODIFIED,
    MODIFIED,
    DELETED,
    ADDED,
    MODIFIED,
    ADDED,
    MODIFIED,
    MODIFIED,
    DELETED,
)


class Writer:
    """Creates, updates and deletes flavours of its own in one collection, one write after the other."""

    def __init__(self, recorder: Recorder, path: str, ledger: Ledger, pause_seconds: float = 0.0) -> None:
        self._recorder = recorder
        self._path = path
        self._ledger = ledger
        self._pause_seconds = pause_seconds
        self._prefix = f"w{next(_numbers)}"
        self._names: list[str] = []  # those that exist
        self._steps = itertools.cycle(_STEPS)
        self._stopping = False
        self._done: Future[None] | None = None

    def __enter__(self) -> Self:
        self._done = self._recorder.background.start(self.repeat(None))
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Finish the present write and no more."""
        self._stopping = True
        if self._done is not None:
            self._done.result(30)

    async def repeat(self, count: int | None) -> None:
        """Make this many writes, or go on until stopped."""
        async with connected(self._recorder.endpoint, self._recorder.tls) as connection:
            for done in itertools.count():
                if self._stopping or done == count:
                    return
                await self._one(connection, next(self._steps))
                await asyncio.sleep(self._pause_seconds)

    async def _one(self, connection: Connection, event: str) -> None:
        if not self._names:
            event = ADDED
        number = next(_numbers)
        name = f"{self._prefix}-{number}" if event == ADDED else self._names[number % len(self._names)]
        began = time.perf_counter()
        try:
            answer = await self._ask(connection, event, name, number)
        except Broken as broken:
            outcome, revision, said = Outcome.UNKNOWN, 0, str(broken)
        else:
            outcome, revision, said = _judge(answer)
        seconds = time.perf_counter() - began
        self._ledger.add(Write(name, event, number, outcome, revision, seconds, said))
        if outcome is Outcome.ACKNOWLEDGED and event == ADDED:
            self._names.append(name)
        elif name in self._names and (event == DELETED or outcome is Outcome.UNKNOWN):
            self._names.remove(name)
        if outcome is not Outcome.ACKNOWLEDGED:
            await asyncio.sleep(_RETRY_SECONDS)

    async def _ask(self, connection: Connection, event: str, name: str, number: int) -> Answer:
        if event == DELETED:
            return await connection.request("DELETE", f"{self._path}/{name}")
        obj: dict[str, Any] = flavour(name, cores=1 + number % 500)
        obj["metadata"]["annotations"] = {NUMBER: str(number)}
        if event == ADDED:
            return await connection.request("POST", self._path, obj)
        patch = {"metadata": {"annotations": {NUMBER: str(number)}}, "spec": obj["spec"]}
        return await connection.request(
            "PATCH", f"{self._path}/{name}", patch, content_type="application/merge-patch+json"
        )


def _judge(answer: Answer) -> tuple[Outcome, int, str]:
    if answer.status not in (200, 201):
        outcome = Outcome.UNKNOWN if answer.status >= 500 else Outcome.REFUSED
        return outcome, 0, f"{answer.status} {answer.body[:200]!r}"
    is_object = b'"resourceVersion":"' in answer.body
    return Outcome.ACKNOWLEDGED, records.seen(answer.body).revision if is_object else 0, ""


@dataclass
class Reads:
    """Every answer of a reader."""

    lists: list[Listing] = field(default_factory=list)
    found: int = 0  # single objects that were there
    unavailable: int = 0  # 503 with Retry-After
    wrong: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    @property
    def count(self) -> int:
        """Answers of any kind."""
        return len(self.seconds)

    def goes_forward(self) -> bool:
        """Whether no list was older than the one before."""
        return all(first.revision <= second.revision for first, second in pairwise(self.lists))


class Reader:
    """Lists a collection and gets one object that is always there, in turn, as fast as it is answered."""

    def __init__(self, recorder: Recorder, path: str, name: str, pause_seconds: float = 0.005) -> None:
        self.reads = Reads()
        self._recorder = recorder
        self._paths = (path, f"{path}/{name}")
        self._pause_seconds = pause_seconds
        self._stopping = False
        self._done: Future[None] | None = None

    def __enter__(self) -> Self:
        self._done = self._recorder.background.start(self._read())
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping = True
        if self._done is not None:
            self._done.result(30)

    async def _read(self) -> None:
        async with connected(self._recorder.endpoint, self._recorder.tls) as connection:
            for path in itertools.cycle(self._paths):
                if self._stopping:
                    return
                began = time.perf_counter()
                try:
                    self._note(path, await connection.request("GET", path))
                except Broken as broken:
                    self.reads.wrong.append(str(broken))
                self.reads.seconds.append(time.perf_counter() - began)
                await asyncio.sleep(self._pause_seconds)

    def _note(self, path: str, answer: Answer) -> None:
        if answer.status == 503 and "retry-after" in answer.headers:
            self.reads.unavailable += 1
        elif answer.status != 200:
            self.reads.wrong.append(f"GET {path}: {answer.status} {answer.body[:200]!r}")
        elif path == self._paths[0]:
            self.reads.lists.append(records.listing(answer.body))
        else:
            self.reads.found += 1
