"""Single writes of a store that has one writer at a time: in one thread, and together where several wait.

A commit waits for the disk, and every commit of a process is followed by work of others that it wakes. So writes that
wait at the same moment share one: each in a savepoint of its own, refused, failed or done by itself, and none is
answered before the commit that all of them share; if that fails, all of them may try again. One thread also keeps its
connection's page cache true, which a commit on another connection would empty.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from django import db

from kcpcache.apimachinery import errors
from kcpcache.apiserver import exceptions, handler, lean
from kcpcache.apiserver.backend import SharedCommits
from kcpcache.apiserver.exchange import Request, Response
from kcpcache.apiserver.handler import Answer

logger = logging.getLogger(__name__)

LONGEST_SECONDS = 0.01  # after which a commit is shared with no more: other processes wait meanwhile
LARGEST = 16  # writes in one commit


@dataclass(slots=True, eq=False)
class _Write:
    """One request, and who waits for its answer."""

    request: Request
    may_share: bool
    loop: asyncio.AbstractEventLoop
    answered: asyncio.Future[Answer]
    context: contextvars.Context
    answer: Answer | None = None

    def serve(self) -> None:
        """Answer the request; an error that the view lets out is the answer too, unless it is the database's."""
        try:
            self.answer = self.context.run(lean.respond_inside, self.request)
        except db.Error:
            raise  # the transaction may have gone with it
        except Exception as error:
            self.fail(error)

    def fail(self, error: Exception) -> None:
        """Answer with an error, whatever happens."""
        try:
            answer = self.context.run(exceptions.response, error, self.request)
            self.answer = self.context.run(handler.finish, self.request, answer)
        except Exception:
            logger.exception("the failure of request %s has no answer of its own", self.request.id)
            self.answer = _broken()

    def deliver(self) -> None:
        if not self.answered.done():  # who waited may have gone
            self.answered.set_result(self.answer or _broken())


class WriteQueue:
    """The thread of one process; it starts with the first write."""

    def __init__(self, commits: SharedCommits) -> None:
        self._commits = commits
        self._arrived: SimpleQueue[_Write | None] = SimpleQueue()
        self._waiting: deque[_Write | None] = deque()  # taken from the above, and not served
        self._thread: threading.Thread | None = None

    async def respond(self, request: Request) -> Answer:
        """The view's answer to a write of one object, once it is committed."""
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name="api-writer", daemon=True)
            self._thread.start()
        loop = asyncio.get_running_loop()
        may_share = request.info is not None and self._commits.may_share(request.info)
        write = _Write(request, may_share, loop, loop.create_future(), contextvars.copy_context())
        self._arrived.put(write)
        return await write.answered

    def close(self) -> None:
        """End the thread after what waits now."""
        self._arrived.put(None)

    def _run(self) -> None:
        try:
            while group := self._next_group():
                self._answer(group)
        finally:
            db.connections.close_all()

    def _answer(self, group: list[_Write]) -> None:
        """Have the first of them answered, and as many more as there is time for; nobody waits for ever."""
        served = group
        try:
            served = self._serve(group)
        except BaseException as error:
            for write in group:
                write.answer = None  # what it says may not have been committed
            if not isinstance(error, Exception):
                raise
            logger.exception("%d writes cannot be answered", len(group))
        finally:
            self._waiting.extendleft(reversed(group[len(served) :]))
            with suppress(RuntimeError):  # the loop is closed, and nobody waits
                served[0].loop.call_soon_threadsafe(_deliver, served)

    def _next_group(self) -> list[_Write]:
        """Who has waited longest, and those behind that may share its commit; empty at the end."""
        if not self._waiting:
            self._waiting.append(self._arrived.get())
        with suppress(Empty):
            while True:
                self._waiting.append(self._arrived.get_nowait())
        group: list[_Write] = []
        while self._waiting and len(group) < LARGEST and (write := self._waiting[0]) is not None:
            if group and not (write.may_share and group[0].may_share):
                break
            group.append(write)
            self._waiting.popleft()
        if not group:
            self._waiting.popleft()  # the end is of this thread, not of the next
        return group

    def _serve(self, group: list[_Write]) -> list[_Write]:
        """Serve the first of them, and as many more as there is time for; returns those."""
        served: list[_Write] = []
        try:
            with lean.DatabaseConnections():
                if len(group) == 1:
                    served = group
                    group[0].serve()
                else:
                    self._serve_together(group, served)
        except Exception as error:  # none of them was committed
            served = served or group
            failure = error if len(served) == 1 else _retriable(error)
            for write in served:
                write.fail(failure)
        return served

    def _serve_together(self, group: list[_Write], served: list[_Write]) -> None:
        ends_at = time.monotonic() + LONGEST_SECONDS
        with self._commits.shared() as check:
            for write in group:
                served.append(write)
                write.serve()
                check()
                if time.monotonic() > ends_at:
                    return


def _retriable(error: Exception) -> Exception:
    """What those are told whose commit failed: which of them it was about cannot be known."""
    if isinstance(error, db.OperationalError | db.InterfaceError):
        return error
    logger.error("a commit that several writes share has failed", exc_info=error)
    return errors.ServiceUnavailable("the store failed; try again", retry_after_seconds=1)


def _broken() -> Response:
    """The answer where no other can be made."""
    error = errors.InternalError("an internal error occurred")
    return Response(500, [("content-type", "application/json")], [exceptions.status_bytes(error)])


def _deliver(served: Sequence[_Write]) -> None:
    for write in served:
        write.deliver()
