"""The web server as a process of its own, over an application that shows what becomes of a request.

`python -m tests.unit.supervisor.webprocess PORT [NAME=SECONDS ...]`: the names are those of `supervisor.connections`.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.conf import settings

from supervisor import connections, webserver

Message = MutableMapping[str, Any]
_threads = ThreadPoolExecutor(1)


async def application(
    scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    """`/hang` waits in a thread for ever, `/open` is a stream without end; all else answers the size of its body."""
    if scope["type"] == "lifespan":
        for phase in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{phase}.complete"})
        return
    size_bytes, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size_bytes += len(message["body"])
        more = message["more_body"]
    await send({"type": "http.response.start", "status": 200, "headers": []})
    if scope["path"] == "/hang":
        await send({"type": "http.response.body", "body": b"hangs", "more_body": True})
        await asyncio.get_running_loop().run_in_executor(_threads, threading.Event().wait)
    elif scope["path"] == "/open":
        await send({"type": "http.response.body", "body": b"open", "more_body": True})
        await asyncio.Event().wait()
    await send({"type": "http.response.body", "body": b"%d bytes" % size_bytes})


def main(port: str, *bounds: str) -> None:
    for name, _, seconds in (each.partition("=") for each in bounds):
        assert hasattr(connections, name)
        setattr(connections, name, float(seconds))
    settings.configure(ASGI_APPLICATION=f"{__spec__.name}.application")
    webserver.serve("127.0.0.1", int(port), tls=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
