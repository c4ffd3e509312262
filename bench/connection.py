"""HTTP/1.1 as cheaply as Python can: raw bytes out, status and length in, keep-alive, one request at a time.

The client shares the machine with the server it measures, so nothing is parsed that is not asked for: of the
headers only the length, of the body nothing unless it is to be kept.
"""

from __future__ import annotations

import asyncio
import json
import re
import ssl
import time
from dataclasses import dataclass
from typing import Any, cast

from bench.target import Target

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
_ETAG = re.compile(rb"\r\netag: *([^\r]+)", re.IGNORECASE)


class Broken(Exception):
    """The server closed a connection or sent what is no HTTP/1.1."""


def encode(target: Target, method: str, path: str, body: Any = None, **headers: str) -> bytes:
    """A request as it goes over the wire; `headers` are written with underscores for dashes."""
    content = b"" if body is None else json.dumps(body, separators=(",", ":")).encode()
    lines = [
        f"{method} {path} HTTP/1.1",
        f"Host: {target.host}:{target.port}",
        f"Authorization: Bearer {target.token}",
        "Accept: application/json",
        *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items()),
    ]
    if body is not None:
        if "content_type" not in headers:
            lines.append("Content-Type: application/json")
        lines.append(f"Content-Length: {len(content)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


class Parser:
    """Takes the bytes of one answer after the other; `feed` says when one is complete."""

    __slots__ = ("_chunked", "_head", "_left", "etag", "kept", "length", "status")

    def __init__(self) -> None:
        self.kept: list[bytes] | None = None  # set to a list to keep the body
        self.begin()

    def begin(self) -> None:
        """Ready for the next answer."""
        self.status = 0
        self.length = 0  # bytes of the body so far
        self.etag = ""
        self._head = b""
        self._left = 0
        self._chunked: Chunks | None = None

    def feed(self, data: bytes) -> bool:
        """Take what has arrived; whether the answer is complete. Raises Broken."""
        if not self.status:
            data = self._head + data if self._head else data
            end = data.find(b"\r\n\r\n")
            if end < 0:
                self._head = data
                return False
            self._begin_body(data[:end])
            data = data[end + 4 :]
        if self._chunked is not None:
            pieces = self._chunked.feed(data)
            self.length += sum(map(len, pieces))
            if self.kept is not None:
                self.kept += pieces
            return self._chunked.ended
        self.length += len(data)
        self._left -= len(data)
        if self.kept is not None:
            self.kept.append(data)
        return self._left <= 0

    def _begin_body(self, head: bytes) -> None:
        if not head.startswith(b"HTTP/1.1 "):
            raise Broken(f"no HTTP/1.1: {head[:40]!r}")
        self.status = int(head[9:12])
        if self.kept is not None:
            self.kept.clear()
            etag = _ETAG.search(head)
            self.etag = etag[1].decode() if etag else ""
        if length := _LENGTH.search(head):
            self._left = int(length[1])
        elif _CHUNKED.search(head):
            self._chunked = Chunks()
        elif self.status not in (204, 304):
            raise Broken("an answer without a length")


class Chunks:
    """Takes a chunked body apart."""

    __slots__ = ("_left", "_rest", "ended")

    def __init__(self) -> None:
        self._rest = b""  # the beginning of a chunk's size line
        self._left = 0  # bytes of the present chunk, its line end included
        self.ended = False

    def feed(self, data: bytes) -> list[bytes]:
        """The content of what has arrived."""
        pieces: list[bytes] = []
        data = self._rest + data if self._rest else data
        self._rest = b""
        position, size = 0, len(data)
        while position < size and not self.ended:
            if not self._left:
                line_end = data.find(b"\r\n", position)
                if line_end < 0:
                    self._rest = data[position:]
                    break
                length = int(data[position:line_end].split(b";")[0], 16)
                position = line_end + 2
                self._left = length + 2
                self.ended = length == 0
                continue
            taken = min(self._left, size - position)
            content = min(taken, max(self._left - 2, 0))  # the line end behind a chunk is no content
            if content:
                pieces.append(data[position : position + content])
            self._left -= taken
            position += taken
        return pieces


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer; `seconds` from the first byte sent to the last received."""

    status: int
    body: bytes
    etag: str
    seconds: float


class Connection(asyncio.Protocol):
    """One keep-alive connection for requests that are awaited one by one."""

    def __init__(self) -> None:
        self._parser = Parser()
        self._parser.kept = []
        self._done: asyncio.Future[float] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection stands."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own classes inherit from nothing

    def data_received(self, data: bytes) -> None:
        """More of an answer."""
        if self._done is None or self._done.done():
            return
        try:
            if self._parser.feed(data):
                self._done.set_result(time.perf_counter())
        except (Broken, ValueError) as error:
            self._done.set_exception(Broken(str(error)))

    def connection_lost(self, exc: Exception | None) -> None:
        """An answer that was awaited will not come."""
        if self._done is not None and not self._done.done():
            self._done.set_exception(Broken("the server closed the connection"))

    async def ask(self, request: bytes) -> Answer:
        """Send one request and await the whole answer; Broken, or TimeoutError after a minute."""
        self._parser.begin()
        self._done = asyncio.get_running_loop().create_future()
        sent = time.perf_counter()
        self._transport.write(request)
        async with asyncio.timeout(60):
            received = await self._done
        body = b"".join(self._parser.kept or [])
        return Answer(self._parser.status, body, self._parser.etag, received - sent)

    def close(self) -> None:
        """Close without waiting."""
        self._transport.abort()


async def connect(target: Target, tls: ssl.SSLContext | None = None) -> Connection:
    """A connection; `tls` when several shall share one context."""
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(
        Connection, target.host, target.port, ssl=tls or target.tls(), server_hostname=server_name(target)
    )
    return connection


def server_name(target: Target) -> str | None:
    """The name that the certificate must have; None for plain HTTP."""
    return target.host if target.url.startswith("https") else None
