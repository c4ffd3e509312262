"""The floor of every HTTP workload: a bare ASGI application that answers canned bytes, served as kcpcache is.

Run by `bench.floors` in a process of its own, with the settings of `bench.hellosettings`. ``/bytes/N`` answers N bytes,
``/watch`` stays open, a POST to ``/change/N`` sends N bytes to every open watch before it is answered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from functools import cache
from typing import Any

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

CHUNK_BYTES = 256 * 1024
_watches: set[asyncio.Queue[bytes]] = set()
_JSON = (b"content-type", b"application/json")


async def application(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
    """The ASGI application."""
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
        return
    path: str = scope["path"]
    if path == "/watch":
        await _watch(send)
        return
    while (await receive()).get("more_body"):
        continue
    size_bytes = int(path.rpartition("/")[2]) if path[-1].isdigit() else 2
    if path.startswith("/change/"):
        line = _canned(size_bytes - 1) + b"\n"
        for queue in _watches:
            queue.put_nowait(line)
        size_bytes = 2
    length = (b"content-length", str(size_bytes).encode())
    await send({"type": "http.response.start", "status": 200, "headers": [_JSON, length]})
    while size_bytes > CHUNK_BYTES:  # as lists are sent; one large write costs more
        await send({"type": "http.response.body", "body": _canned(CHUNK_BYTES), "more_body": True})
        size_bytes -= CHUNK_BYTES
    await send({"type": "http.response.body", "body": _canned(size_bytes)})


async def _watch(send: Send) -> None:
    queue: asyncio.Queue[bytes] = asyncio.Queue()
    _watches.add(queue)
    try:
        await send({"type": "http.response.start", "status": 200, "headers": [_JSON]})
        await send({"type": "http.response.body", "body": b"", "more_body": True})
        while True:
            await send({"type": "http.response.body", "body": await queue.get(), "more_body": True})
    finally:
        _watches.discard(queue)


async def _lifespan(receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


@cache
def _canned(size_bytes: int) -> bytes:
    return b"x" * size_bytes


def main() -> None:
    """Serve with the settings of the web process, and a certificate of its own."""
    from django.conf import settings

    from supervisor import webserver

    webserver.serve(settings.KCPCACHE_HOST, settings.KCPCACHE_PORT, tls=True)


if __name__ == "__main__":
    main()
