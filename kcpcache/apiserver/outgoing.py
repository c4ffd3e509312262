"""Sends answers over ASGI: whole ones with their length, watches until one side ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from kcpcache.apiserver.exchange import Request, Response, Stream
from kcpcache.apiserver.handler import Answer

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Abort = Callable[[], None]

_PIECES_A_TURN = 8  # about a megabyte of a list


def abort_of(scope: MutableMapping[str, Any]) -> Abort | None:
    """What drops a request's connection at once, where the server offers it (see `supervisor.connections`)."""
    abort: Abort | None = scope.get("extensions", {}).get("kcpcache.abort", {}).get("call")
    return abort


async def send_answer(
    request: Request, answer: Answer, receive: Receive, send: Send, abort: Abort | None = None
) -> None:
    """Send all of an answer; HEAD gets the headers that GET would get.

    The connection of a watch whose client does not keep up is dropped by `abort`: without it the server waits for
    that client to take what was written already.
    """
    if isinstance(answer, Response):
        await _send_response(request, answer, send)
        return
    try:
        await _start(answer.status, answer.headers, send)
        if request.method == "HEAD":
            await send({"type": "http.response.body", "body": b""})
        else:
            await _send_stream(answer, receive, send, abort)
    finally:
        _close(answer)


async def _send_response(request: Request, answer: Response, send: Send) -> None:
    chunks, headers = answer.chunks, answer.headers
    if not isinstance(chunks, (list, tuple)):
        await _start(answer.status, headers, send)
        await _send_pieces(chunks if request.method != "HEAD" else (), send)
        return
    if answer.status != 304 and not any(name == "content-length" for name, _ in headers):
        headers = [*headers, ("content-length", str(sum(map(len, chunks))))]
    await _start(answer.status, headers, send)
    if request.method != "HEAD" and answer.status != 304:
        for chunk in chunks[:-1]:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": chunks[-1] if chunks else b""})
    else:
        await send({"type": "http.response.body", "body": b""})


async def _send_pieces(chunks: Iterable[bytes], send: Send) -> None:
    """Send what is made on the way; others have their turn now and then, also when the client takes it all at once."""
    for number, chunk in enumerate(chunks, 1):
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
        if not number % _PIECES_A_TURN:
            await asyncio.sleep(0)
    await send({"type": "http.response.body", "body": b""})


async def _start(status: int, headers: list[tuple[str, str]], send: Send) -> None:
    encoded = [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers]
    await send({"type": "http.response.start", "status": status, "headers": encoded})


async def _send_stream(stream: Stream, receive: Receive, send: Send, abort: Abort | None) -> None:
    """Send until the stream ends, the client goes, or it does not keep up: a blocked write is cut off."""
    task = asyncio.current_task()
    is_cut_off = False

    def cut_off(*_: object) -> None:
        nonlocal is_cut_off
        if not is_cut_off and task is not None:
            is_cut_off = True
            task.cancel()

    gone = asyncio.ensure_future(_disconnected(receive))
    gone.add_done_callback(cut_off)
    if hasattr(stream.chunks, "overflowed"):
        stream.chunks.overflowed = abort or cut_off
    try:
        async for chunk in stream.chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    except asyncio.CancelledError:
        if not is_cut_off or task is None:
            raise
        task.uncancel()
    finally:
        gone.remove_done_callback(cut_off)
        gone.cancel()


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _close(stream: Stream) -> None:
    close = getattr(stream.chunks, "close", None)
    if close is not None:
        close()
