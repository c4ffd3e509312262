"""Open watches: many on one event loop, each telling when bytes came, or what lines they held."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable
from typing import cast

from bench import connection
from bench.target import Target

OPENING_AT_ONCE = 32
Received = Callable[["Watch", bytes, float], None]


class Watch(asyncio.Protocol):
    """One open watch. `received` is called with its content as it comes, and when it came."""

    def __init__(self, received: Received) -> None:
        self._received = received
        self._parser_head = b""
        self._chunks = connection.Chunks()
        self._opened: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection stands."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own classes inherit from nothing

    def data_received(self, data: bytes) -> None:
        """First the head of the answer, then chunks of events."""
        now = time.perf_counter()
        if not self._opened.done():
            data = self._parser_head + data
            end = data.find(b"\r\n\r\n")
            if end < 0:
                self._parser_head = data
                return
            self._opened.set_result(int(data[9:12]))
            data = data[end + 4 :]
        for piece in self._chunks.feed(data):
            self._received(self, piece, now)
        self.ended = self.ended or self._chunks.ended

    def connection_lost(self, exc: Exception | None) -> None:
        """The watch has ended."""
        self.ended = True
        if not self._opened.done():
            self._opened.set_result(0)

    async def open(self, request: bytes) -> int:
        """Send the request; the status of the answer, 0 when the connection was closed instead."""
        self._transport.write(request)
        async with asyncio.timeout(60):
            return await self._opened

    def close(self) -> None:
        """Close without waiting."""
        self._transport.abort()


class Lines:
    """Cuts the content of one watch into lines: pass `take` as `received`."""

    def __init__(self, on_line: Callable[[bytes, float], None]) -> None:
        self._on_line = on_line
        self._rest = b""

    def take(self, watch: Watch, content: bytes, at: float) -> None:
        """Call back for each line that is complete."""
        *lines, self._rest = (self._rest + content).split(b"\n")
        for line in lines:
            self._on_line(line, at)


async def open_watch(
    target: Target, path: str, received: Received, tls: ssl.SSLContext | None = None
) -> Watch:
    """Open one watch; ConnectionRefusedError unless the answer is 200."""
    watch, status = await _open(target, path, received, tls or target.tls())
    if status != 200:
        watch.close()
        raise ConnectionRefusedError(f"watch {path}: {status}")
    return watch


async def open_many(
    target: Target, path: str, count: int, received: Received
) -> tuple[list[Watch], dict[int, int]]:
    """Open many watches of one path; those that stand, and how often each other status was the answer."""
    tls = target.tls()
    gate = asyncio.Semaphore(OPENING_AT_ONCE)

    async def one() -> tuple[Watch | None, int]:
        async with gate:
            try:
                return await _open(target, path, received, tls)
            except (OSError, TimeoutError):
                return None, 0

    opened: list[Watch] = []
    refused: dict[int, int] = {}
    for watch, status in await asyncio.gather(*(one() for _ in range(count))):
        if watch is not None and status == 200:
            opened.append(watch)
        else:
            refused[status] = refused.get(status, 0) + 1
    return opened, refused


async def _open(
    target: Target, path: str, received: Received, tls: ssl.SSLContext | None
) -> tuple[Watch, int]:
    _, watch = await asyncio.get_running_loop().create_connection(
        lambda: Watch(received),
        target.host,
        target.port,
        ssl=tls,
        server_hostname=connection.server_name(target),
    )
    return watch, await watch.open(connection.encode(target, "GET", path))
