"""Records what watches deliver, as informers follow them: a list, then a watch that is resumed from its last event.

Runs against any server: give it an `Endpoint` and paths. `checker` judges what was recorded.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Sequence
from typing import Self

from tests.faults import records
from tests.faults.background import Background
from tests.faults.records import Bookmark, Change, Entry, Expired, Failed, Listing, Resumed
from tests.faults.wire import Answer, Broken, Connection, Endpoint, connected
from tests.waiting import until

_RETRY_SECONDS = 0.05
_OPENING_AT_ONCE = 20


class Watcher:
    """One client that follows a path; `entries` is all it saw, in order."""

    def __init__(self, path: str, name: str = "", behind: int | None = None) -> None:
        """`path` may end with a query such as ``?labelSelector=…``; `behind` a revision is no list read first."""
        self.path = path
        self.name = name or path
        self.entries: list[Entry] = []
        self.behind = behind
        self.position = behind or 0  # what it would resume from
        self.is_open = False  # whether the server has accepted the present watch
        self.is_wildcard = "/clusters/*/" in path
        self.is_begun = False  # whether it has ever accepted one

    @property
    def changes(self) -> list[Change]:
        """The events but bookmarks."""
        return [entry for entry in list(self.entries) if isinstance(entry, Change)]

    @property
    def resumptions(self) -> int:
        """How often the watch was opened again."""
        return sum(isinstance(entry, Resumed) for entry in list(self.entries))

    @property
    def failures(self) -> list[Failed]:
        """What ended it."""
        return [entry for entry in list(self.entries) if isinstance(entry, Failed)]

    def query(self, **parameters: str | int) -> str:
        """The path with parameters."""
        pairs = "&".join(f"{name}={value}" for name, value in parameters.items())
        return f"{self.path}{'&' if '?' in self.path else '?'}{pairs}"

    async def run(self, connection: Connection, gate: asyncio.Semaphore) -> None:
        """Follow until cancelled, or until something comes that should not."""
        if self.behind is None:
            await self._list(connection)
        while not self.failures:
            try:
                async with gate:
                    answer = await connection.open(
                        self.query(watch="true", allowWatchBookmarks="true", resourceVersion=self.position)
                    )
                if answer.status == 200:
                    await self._take(connection)
                else:
                    await self._refused("watch", answer)
            except Broken:
                await asyncio.sleep(_RETRY_SECONDS)
            finally:
                connection.close()
                self.is_open = False
            if self.entries and isinstance(self.entries[-1], Expired):
                await self._list(connection)

    async def _take(self, connection: Connection) -> None:
        if self.is_begun:
            self.entries.append(Resumed(self.position))
        self.is_open = self.is_begun = True
        while lines := await connection.lines():
            if not all(self._note(line) for line in lines):
                break

    def _note(self, content: bytes) -> bool:
        entry = records.line(content)
        self.entries.append(Expired(self.position) if isinstance(entry, Expired) else entry)
        if isinstance(entry, Change):
            self.position = entry.seen.revision
        elif isinstance(entry, Bookmark):
            self.position = entry.revision
        return isinstance(entry, (Change, Bookmark))

    async def _list(self, connection: Connection) -> None:
        while True:
            with contextlib.suppress(Broken):
                answer = await connection.request("GET", self.path)
                if answer.status == 200:
                    entry = records.listing(answer.body)
                    self.entries.append(entry)
                    self.position = entry.revision
                    return
                await self._refused("list", answer)
                if self.failures:
                    return
            await asyncio.sleep(_RETRY_SECONDS)

    async def _refused(self, what: str, answer: Answer) -> None:
        if answer.status == 410:
            self.entries.append(Expired(self.position))
        elif answer.status not in (429, 503) or "retry-after" not in answer.headers:
            self.entries.append(Failed(f"{what}: {answer.status} {answer.body[:300]!r}"))
        else:
            await asyncio.sleep(_RETRY_SECONDS)


class Recorder:
    """Many watchers of one server, beside the test."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.background = Background()
        self.watchers: list[Watcher] = []
        self.tls: ssl.SSLContext = endpoint.tls()
        self._gate = asyncio.Semaphore(_OPENING_AT_ONCE)

    def __enter__(self) -> Self:
        self.background.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self.background.__exit__(*exception)

    def watch(self, path: str, count: int = 1) -> list[Watcher]:
        """Begin to follow a path, and wait until the server has accepted every watch."""
        made = [
            Watcher(path, f"{path} #{number}")
            for number in range(len(self.watchers), len(self.watchers) + count)
        ]
        self.watchers += made
        for watcher in made:
            self.background.start(self._follow(watcher))
        until(
            lambda: all(each.is_open for each in made), timeout_seconds=30, what=f"{count} watches of {path}"
        )
        return made

    def read(self, path: str) -> Listing:
        """A list now, or as soon as the server is there; AssertionError when it answers anything else."""

        async def ask() -> Answer | None:
            async with connected(self.endpoint, self.tls) as connection:
                with contextlib.suppress(Broken):
                    return await connection.request("GET", path)
                return None

        answer = until(lambda: self.background.run(ask()), what=f"an answer to GET {path}")
        assert answer is not None
        assert answer.status == 200, f"GET {path}: {answer.status} {answer.body[:300]!r}"
        return records.listing(answer.body)

    def replay(self, path: str, revisions: Sequence[int], end: int) -> list[Watcher]:
        """Open a watch behind each of some revisions; they come back when they have reached `end`."""
        replays = [Watcher(path, f"{path} from {revision}", behind=revision) for revision in revisions]
        tasks = [self.background.start(self._follow(watcher)) for watcher in replays]
        try:
            until(
                lambda: all(_has_reached(watcher, end) for watcher in replays), what=f"replays to reach {end}"
            )
        finally:
            for task in tasks:
                task.cancel()
        return replays

    def wait_for(self, revision: int, timeout_seconds: float = 10.0) -> None:
        """Wait until every watcher has come to a revision, by an event, a bookmark or a list."""
        until(
            lambda: all(_has_reached(watcher, revision) for watcher in self.watchers),
            timeout_seconds=timeout_seconds,
            what=f"every watcher to reach {revision}",
        )

    async def _follow(self, watcher: Watcher) -> None:
        async with connected(self.endpoint, self.tls) as connection:
            await watcher.run(connection, self._gate)


def _has_reached(watcher: Watcher, revision: int) -> bool:
    assert not watcher.failures, f"{watcher.name}: {watcher.failures}"
    return watcher.position >= revision
