"""HTTP/1.1 over TLS on an event loop, cheap enough for hundreds of watches in one thread."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

_CONNECT_SECONDS = 10.0


class Broken(Exception):
    """The connection was lost, or could not be made, or carries what is no HTTP/1.1."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer; names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Endpoint:
    """Where a server is and who asks."""

    url: str
    authority: Path
    token: str

    def tls(self) -> ssl.SSLContext:
        """A context for any number of connections."""
        return ssl.create_default_context(cafile=str(self.authority))


class Connection:
    """One connection; requests one after the other, or one stream until its end."""

    def __init__(self, endpoint: Endpoint, tls: ssl.SSLContext) -> None:
        self._endpoint = endpoint
        self._tls = tls
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._left_bytes: int | None = None  # of the body; None when it is chunked

    async def request(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Ask and read the whole answer, connecting first where that is needed; Broken.

        `headers` are written with underscores for dashes.
        """
        with self._breaking(f"{method} {path}"):
            status, answered = await self._ask(method, path, body, headers)
            content = await self._rest()
        if answered.get("connection") == "close":
            self.close()
        return Answer(status, answered, content)

    async def open(self, path: str) -> Answer:
        """Open a stream. Its lines come by `lines`, unless the status is not 200: then this is the whole answer."""
        with self._breaking(f"GET {path}"):
            status, answered = await self._ask("GET", path, None, {})
            content = b"" if status == 200 else await self._rest()
        return Answer(status, answered, content)

    async def send(self, method: str, path: str) -> None:
        """Ask, and do not wait for an answer."""
        with self._breaking(f"{method} {path}"):
            await self._send(method, path, None, {})

    async def lines(self) -> list[bytes] | None:
        """The next whole lines of the stream, at least one; None when it has ended well; Broken."""
        rest = b""
        with self._breaking("stream"):
            while part := await self._part():
                rest += part
                if rest.endswith(b"\n"):
                    return rest.splitlines()
        if rest:
            raise Broken(f"the stream ended within a line: {rest[:80]!r}")
        return None

    def close(self) -> None:
        """Drop the connection without a word."""
        if self._writer is not None:
            self._writer.transport.abort()
        self._reader = self._writer = None

    async def _ask(
        self, method: str, path: str, body: Any, headers: Mapping[str, str]
    ) -> tuple[int, Mapping[str, str]]:
        await self._send(method, path, body, headers)
        assert self._reader is not None
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        fields = (line.partition(":") for line in head[1:] if line)
        answered = {name.lower(): value.strip() for name, _, value in fields}
        is_chunked = answered.get("transfer-encoding") == "chunked"
        self._left_bytes = None if is_chunked else int(answered.get("content-length", "0"))
        return int(head[0].split(" ")[1]), answered

    async def _send(self, method: str, path: str, body: Any, headers: Mapping[str, str]) -> None:
        if self._writer is None:
            await self._connect()
        assert self._writer is not None
        content = b"" if body is None else json.dumps(body).encode()
        given = {"content_type": "application/json", **headers} if body is not None else headers
        lines = [
            f"{method} {path} HTTP/1.1",
            f"host: {urlsplit(self._endpoint.url).netloc}",
            f"authorization: Bearer {self._endpoint.token}",
            "accept: application/json",
            *(f"{name.replace('_', '-')}: {value}" for name, value in given.items()),
            *([f"content-length: {len(content)}"] if body is not None else []),
        ]
        self._writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + content)

    async def _connect(self) -> None:
        parts = urlsplit(self._endpoint.url)
        async with asyncio.timeout(_CONNECT_SECONDS):
            self._reader, self._writer = await asyncio.open_connection(
                parts.hostname, parts.port, ssl=self._tls, limit=2**20
            )

    async def _part(self) -> bytes:
        """More of the body; empty at its end."""
        assert self._reader is not None
        if self._left_bytes is not None:
            part = await self._reader.readexactly(self._left_bytes)
            self._left_bytes = 0
            return part
        size = int(await self._reader.readuntil(b"\r\n"), 16)
        return (await self._reader.readexactly(size + 2))[:-2]

    async def _rest(self) -> bytes:
        parts = []
        while part := await self._part():
            parts.append(part)
        return b"".join(parts)

    @contextlib.contextmanager
    def _breaking(self, what: str) -> Iterator[None]:
        try:
            yield
        except (OSError, EOFError, ValueError, TimeoutError) as error:
            self.close()
            raise Broken(f"{what}: {error!r}") from error


@contextlib.asynccontextmanager
async def connected(endpoint: Endpoint, tls: ssl.SSLContext) -> AsyncIterator[Connection]:
    """A connection for the length of the block."""
    connection = Connection(endpoint, tls)
    try:
        yield connection
    finally:
        connection.close()
