"""An open watch as an asynchronous iterator of bytes.

A session owns a `Feed`: it sends what was there, then what happened since, then what happens, and closes the
feed when it ends, whoever ends it. It costs one waiting future and one timer, no thread.
"""

from __future__ import annotations

import asyncio
import secrets
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator

from kcpcache.apimachinery import errors, mailbox, resourceversion, watch
from kcpcache.apimachinery.storage import Event, Feed, Record
from kcpcache.apiserver import exceptions, forms
from kcpcache.apiserver.exchange import Response, Stream
from kcpcache.apiserver.listoptions import Parsed, deadline_seconds

CHUNK_BYTES = 64 * 1024  # sent in one step; what is ready beyond it waits until the client has taken that
STEP_EVENTS = 200  # looked at in one step: a selector may decode each, and keep none
BOOKMARK_SECONDS = 50.0  # Kubernetes promises one a minute
_STALL_SECONDS = 30.0  # a client that takes nothing for so long is looked at again

_sessions: weakref.WeakSet[Session] = weakref.WeakSet()
_sessions_guard = threading.Lock()  # watches of a store that blocks begin in threads
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
        self._pending: deque[Event] = deque()  # taken from the mailbox and not sent: shared by all who watch
        self._reached = feed.start  # the position when those were taken
        self._is_idle = False  # the mailbox was just found empty: from then on it calls
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
        with _sessions_guard:
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
        while self._opening is not None and not self._ended:
            chunk = next(self._opening, None)
            if chunk:
                return chunk
            if chunk is None:
                self._opening = None
            else:
                await asyncio.sleep(0)  # nothing is selected so far; others have their turn
        while not self._ended:
            if chunk := self._ready_chunk():
                return chunk
            if self._is_idle and not self._ended:
                await self._wait()
            else:
                await asyncio.sleep(0)
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
        with _sessions_guard:
            _sessions.discard(self)
        self._opening = None
        self._pending.clear()
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
        """What was there, what happened since, and the bookmark that ends them; empty for what is not selected."""
        if self._parsed.send_initial_events is not False:
            for record in feed.initial:
                yield self._renderer.record(record) if self._selects(record) else b""
        for event in feed.history:
            yield self._event_line(event)
        if self._parsed.send_initial_events and self._parsed.bookmarks:
            yield self._renderer.bookmark(resourceversion.format(feed.start), initial_events_end=True)

    def _ready_chunk(self) -> bytes:
        """What is to be sent now, maybe nothing; ends the session when its time has come."""
        now = time.monotonic()
        try:
            if not self._pending:
                self._reached = self._position()  # read first: what lies before it is in the mailbox by now
                self._pending.extend(self._mailbox.take())
                self._is_idle = not self._pending
            elif self._mailbox.closed_reason == "slow":
                raise mailbox.Closed("slow")
        except mailbox.Closed as closed:
            self._ended = True
            return error_line(_expired()) if closed.reason == "expired" else b""
        lines = self._pending_lines()
        if now >= self._deadline:
            self._ended = True  # what is pending is left: the client goes on elsewhere behind what it has got
            lines += self._rest_of_revision()
        if not self._pending and (self._ended or now >= self._next_bookmark):
            if self._parsed.bookmarks:
                self._revision = max(self._revision, self._reached)
                lines.append(self._renderer.bookmark(resourceversion.format(self._revision)))
            self._next_bookmark = self._bookmark_due()
        _count_events(len(lines))
        return b"".join(lines)

    def _pending_lines(self) -> list[bytes]:
        """The lines of the first pending events, as many as one step takes."""
        next_event, line_of, lines, size_bytes = self._pending.popleft, self._event_line, [], 0
        for _ in range(min(len(self._pending), STEP_EVENTS)):
            event = next_event()
            self._revision = event.revision
            if line := line_of(event):
                lines.append(line)
                size_bytes += len(line)
                if size_bytes >= CHUNK_BYTES:
                    break
        return lines

    def _rest_of_revision(self) -> list[bytes]:
        """The lines that are left of a revision of which some are sent: who resumes behind it would miss them.

        Over all workspaces one change of a replica is an event for each consumer.
        """
        lines = []
        while self._pending and self._pending[0].revision == self._revision:
            if line := self._event_line(self._pending.popleft()):
                lines.append(line)
        return lines

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
    """Joins lines to chunks; an empty chunk says that many lines were empty, and that there may be more."""
    pieces: list[bytes] = []
    size_bytes = skipped = 0
    for line in lines:
        if line:
            pieces.append(line)
            size_bytes += len(line)
        else:
            skipped += 1
        if size_bytes >= CHUNK_BYTES or skipped >= STEP_EVENTS:
            _count_events(len(pieces))
            yield b"".join(pieces)
            pieces, size_bytes, skipped = [], 0, 0
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


def end(answer: Response | Stream) -> None:
    """End a watch before it is sent; any other answer stays as it is."""
    if isinstance(answer, Stream) and isinstance(answer.chunks, Session):
        answer.chunks.end()


def end_all() -> None:
    """End every open watch of this process, on its loop, for a shutdown: clients resume elsewhere."""
    with _sessions_guard:
        sessions = list(_sessions)
    for session in sessions:
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
