"""An event loop in a thread, so that tests written in plain steps can have traffic going on beside them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, Self, TypeVar

T = TypeVar("T")


class Background:
    """Runs coroutines beside the test; what is left at the end of the block is cancelled."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._running: set[Future[Any]] = set()  # the loop itself would let the collector take idle tasks
        self._thread = threading.Thread(target=self._loop.run_forever, name="traffic", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.run(self._cancel_all())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def run(self, coroutine: Coroutine[Any, Any, T], timeout_seconds: float = 60.0) -> T:
        """Run to the end; the result, or the error."""
        return self.start(coroutine).result(timeout_seconds)

    def start(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        """Let run."""
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        self._running.add(future)
        future.add_done_callback(self._running.discard)
        return future

    async def _cancel_all(self) -> None:
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
