"""An open watch as an asynchronous iterator of bytes.

A session owns a `Feed`: it sends what was there, then what happened since, then what happens, and closes the
feed when it ends, whoever ends it. It costs one waiting future and one timer, no thread.
"""

from __future__ import annotations

import asyncio
import secrets
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator

from kcpcache.apimachinery import errors, mailbox, resourceversion, watch
from kcpcache.apimachinery.storage import Event, Feed, Record
from kcpcache.apiserver import exceptions, forms
from kcpcache.apiserver.listoptions import Parsed, deadline_seconds

CHUNK_BYTES = 64 * 1024  # of opening events; later ones are sent as they come, all that are ready at once
BOOKMARK_SECONDS = 50.0  # Kubernetes promises one a minute
_STALL_SECONDS = 30.0  # a client that takes nothing for so long is looked at again

_sessions: weakref.WeakSet[Session] = weakref.WeakSet()
slow_watchers_total = 0  # sessions ended because their client did not keep up
watch_events_total = 0  # lines sent to all watchers, bookmarks included


class _Waker:
    """Wakes many sessions of one event loop with one thread-safe call."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._ready: deque[Session] = deque()
        self._scheduled = False

    def wake(self, session: Session) -> None:
        self._ready.append(session)
        if not self._scheduled:
            self._scheduled = True
            if not self._loop.is_closed():
                self._loop.call_soon_threadsafe(self._run)

    def _run(self) -> None:
        self._scheduled = False
        while self._ready:
            self._ready.popleft().wake()


_wakers: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Waker] = weakref.WeakKeyDictionary()


class Session:
    """One watch. Iterate it on an event loop; `close` may be called at any time and more than once.

    `overflowed` is called on the loop when the client does not keep up, so that a sender who is blocked in a
    write can be cancelled.
    """

    def __init__(self, feed: Feed, parsed: Parsed, renderer: forms.EventRenderer) -> None:
        self._mailbox = feed.mailbox
        self._position = feed.position
        self._close_feed = feed.close
        self._parsed = parsed
        self._renderer = renderer
        self._opening: Iterator[bytes] | None = _in_chunks(self._opening_lines(feed))
        self._is_listening = False
        self._waiter: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._revision = feed.start
        self._deadline = time.monotonic() + deadline_seconds(parsed)
        self._next_bookmark = self._bookmark_due()
        self._ended = False
        self._closed = False
        self.overflowed: Callable[[], None] | None = None
        _sessions.add(self)

    def __aiter__(self) -> Session:
        return self

    async def __anext__(self) -> bytes:
        try:
            return await self._next()
        except BaseException:
            self.close()
            raise

    async def _next(self) -> bytes:
        if not self._is_listening:
            self._listen()
        if self._opening is not None:
            chunk = None if self._ended else next(self._opening, None)
            if chunk is not None:
                return chunk
            self._opening = None
        while not self._ended:
            if chunk := self._ready_chunk():
                return chunk
            if not self._ended:
                await self._wait()
        raise StopAsyncIteration

    def end(self) -> None:
        """Let the stream come to a clean end; call on the loop."""
        self._ended = True
        self.wake()

    def wake(self) -> None:
        """Go on: something is ready, or time has come; call on the loop."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
        elif self._mailbox.closed_reason == "slow" and self.overflowed is not None:
            self.overflowed()

    def close(self) -> None:
        """Give the feed back."""
        if self._closed:
            return
        self._closed = self._ended = True
        self._mailbox.on_ready = None
        if self._timer is not None:
            self._timer.cancel()
        if self._mailbox.closed_reason == "slow":
            _count_slow()
        _sessions.discard(self)
        self._opening = None
        self._close_feed()

    async def aclose(self) -> None:
        """The same for callers that know asynchronous generators."""
        self.close()

    def _listen(self) -> None:
        self._is_listening = True
        loop = asyncio.get_running_loop()
        waker = _wakers.get(loop)
        if waker is None:
            waker = _wakers[loop] = _Waker(loop)
        self._mailbox.on_ready = lambda: waker.wake(self)
        self._set_timer(loop)

    def _set_timer(self, loop: asyncio.AbstractEventLoop) -> None:
        due = min(self._deadline, self._next_bookmark) - time.monotonic()
        self._timer = loop.call_later(max(due, 0.0), self._tick)

    def _tick(self) -> None:
        """Time has come for a bookmark or the end; a client who does not even take those is cut off."""
        self._timer = None
        if self._waiter is None and time.monotonic() > self._deadline and self.overflowed is not None:
            self.overflowed()
        elif self._waiter is None:
            self._timer = asyncio.get_running_loop().call_later(_STALL_SECONDS, self._tick)
        else:
            self.wake()

    async def _wait(self) -> None:
        loop = asyncio.get_running_loop()
        if self._timer is None:
            self._set_timer(loop)
        self._waiter = loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _opening_lines(self, feed: Feed) -> Iterator[bytes]:
        """What was there, what happened since, and the bookmark that ends them."""
        if self._parsed.send_initial_events is not False:
            for record in feed.initial:
                if self._selects(record):
                    yield self._renderer.record(record)
        for event in feed.history:
            if line := self._event_line(event):
                yield line
        if self._parsed.send_initial_events and self._parsed.bookmarks:
            yield self._renderer.bookmark(resourceversion.format(feed.start), initial_events_end=True)

    def _ready_chunk(self) -> bytes:
        """All that is to be sent now, maybe nothing; ends the session when its time has come."""
        position = self._position()  # read first: what lies before it is in the mailbox by now
        now = time.monotonic()
        try:
            events = self._mailbox.take()
        except mailbox.Closed as closed:
            self._ended = True
            return error_line(_expired()) if closed.reason == "expired" else b""
        lines = [line for event in events if (line := self._event_line(event))]
        if events:
            self._revision = max(self._revision, events[-1].revision)
        if now >= self._deadline:
            self._ended = True
        if self._parsed.bookmarks and (self._ended or now >= self._next_bookmark):
            self._revision = max(self._revision, position)
            lines.append(self._renderer.bookmark(resourceversion.format(self._revision)))
        if now >= self._next_bookmark:
            self._next_bookmark = self._bookmark_due()
        _count_events(len(lines))
        return b"".join(lines)

    def _event_line(self, event: Event) -> bytes:
        selection = self._parsed.selection
        if selection.is_everything:
            return self._renderer.event(event, event.type)
        was_member = event.previous is not None and selection.matches(
            event.key, event.previous_labels or {}, event.previous
        )
        is_member = event.type != watch.DELETED and selection.matches(event.key, event.labels, event.body)
        if event.type == watch.DELETED and event.previous is None:
            was_member = selection.matches(event.key, event.labels, event.body)
        seen = watch.transition(event.type, was_member, is_member)
        return self._renderer.event(event, seen) if seen else b""

    def _selects(self, record: Record) -> bool:
        return self._parsed.selection.is_everything or self._parsed.selection.matches(
            record.key, record.labels, record.body
        )

    def _bookmark_due(self) -> float:
        """Spread over some seconds, so that a thousand watches do not send at one moment."""
        if not self._parsed.bookmarks:
            return self._deadline
        return time.monotonic() + BOOKMARK_SECONDS - secrets.randbelow(10_000) / 1000


def _in_chunks(lines: Iterable[bytes]) -> Iterator[bytes]:
    pieces: list[bytes] = []
    size_bytes = 0
    for line in lines:
        pieces.append(line)
        size_bytes += len(line)
        if size_bytes >= CHUNK_BYTES:
            _count_events(len(pieces))
            yield b"".join(pieces)
            pieces, size_bytes = [], 0
    if pieces:
        _count_events(len(pieces))
        yield b"".join(pieces)


class OneError:
    """A watch that could not begin: HTTP 200 and one ERROR event, as Kubernetes answers."""

    def __init__(self, line: bytes) -> None:
        self._line: bytes | None = line

    def __aiter__(self) -> OneError:
        return self

    async def __anext__(self) -> bytes:
        if self._line is None:
            raise StopAsyncIteration
        line, self._line = self._line, None
        return line

    def close(self) -> None:
        """Nothing is held."""
        self._line = None


def end_all() -> None:
    """End every open watch of this process, on its loop, for a shutdown: clients resume elsewhere."""
    for session in list(_sessions):
        session.end()


def open_count() -> int:
    """How many watches are open in this process."""
    return len(_sessions)


def _count_events(count: int) -> None:
    global watch_events_total
    watch_events_total += count


def _count_slow() -> None:
    global slow_watchers_total
    slow_watchers_total += 1


def _expired() -> errors.APIError:
    return errors.Expired("The resourceVersion for the provided watch is too old.")


def error_line(error: errors.APIError) -> bytes:
    """An ERROR event with the Status of an error."""
    return b'{"type":"ERROR","object":' + exceptions.status_bytes(error).rstrip(b"\n") + b"}\n"
