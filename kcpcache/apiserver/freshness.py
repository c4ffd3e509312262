"""A barrier between what a process remembers and what a request may be told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

Check = Callable[[], Awaitable[None]]


class Barrier:
    """Makes memory current: `passed()` returns after a run of all checks that began after it was called.

    Callers that come while a run is under way share the next one, so the number of runs depends on how long
    a run takes and never on the number of requests. A run that fails fails for all who share it.
    """

    def __init__(self, checks: Callable[[], Sequence[Check]]) -> None:
        self._checks = checks
        self._running: asyncio.Task[None] | None = None
        self._next: asyncio.Task[None] | None = None

    async def passed(self) -> None:
        """Return once memory is as new as the moment of this call; raises what a check raises."""
        if self._running is None or self._running.done():
            self._running = _observed(self._run())
            shared = self._running
        else:
            if self._next is None:
                self._next = _observed(self._run_after(self._running))
            shared = self._next
        await asyncio.shield(shared)

    async def _run_after(self, earlier: asyncio.Task[None]) -> None:
        await asyncio.wait([earlier])
        self._running, self._next = self._next, None
        await self._run()

    async def _run(self) -> None:
        checks = self._checks()
        if len(checks) == 1:
            await checks[0]()
        elif checks:
            await asyncio.gather(*(check() for check in checks))


def _observed(run: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """A task whose failure is not reported as forgotten when all who waited for it have gone."""
    task = asyncio.create_task(run)
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    return task
