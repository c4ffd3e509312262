"""Speaks ASGI to the front, as a server would: whole answers, and streams read line by line."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import orjson

from kcpcache.apiserver.front import Front
from tests.unit.apiserver.backends import ADMIN_TOKEN

BASE = "/clusters/root:test"
FLAVORS = f"{BASE}/apis/cloud.example.com/v1/cpuflavors"
MEMORY_FLAVORS = f"{BASE}/apis/cloud.example.com/v1/memflavors"
CONFIG_MAPS = f"{BASE}/api/v1/namespaces/default/configmaps"


@dataclass
class Answer:
    """What came back."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    def json(self) -> Any:
        return orjson.loads(self.body)


def http_scope(method: str, url: str, headers: dict[str, str]) -> dict[str, Any]:
    """The ASGI scope of a request, as uvicorn makes it."""
    parts = urlsplit(url)
    return {
        "type": "http", "http_version": "1.1", "asgi": {"version": "3.0"}, "method": method,
        "path": unquote(parts.path), "raw_path": quote(parts.path, safe="/%:@!$&'()*+,;=~").encode(),
        "query_string": parts.query.encode(), "root_path": "", "scheme": "https",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 6443),
    }  # fmt: skip


class Connection:
    """One request in flight."""

    def __init__(self, front: Front, method: str, url: str, headers: dict[str, str], body: bytes) -> None:
        self.answer = Answer()
        self._chunks: asyncio.Queue[bytes] = asyncio.Queue()
        self._lines: list[bytes] = []
        self._gone = asyncio.Event()
        self._sent = False
        self._body = body
        self.may_write = asyncio.Event()
        self.may_write.set()
        self.ended = asyncio.Event()
        scope = http_scope(method, url, headers)
        self.task = asyncio.ensure_future(front(scope, self._receive, self._send))

    async def _receive(self) -> MutableMapping[str, Any]:
        if not self._sent:
            self._sent = True
            return {"type": "http.request", "body": self._body, "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: MutableMapping[str, Any]) -> None:
        await self.may_write.wait()
        if message["type"] == "http.response.start":
            self.answer.status = message["status"]
            self.answer.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            return
        self.answer.body += message.get("body", b"")
        self._chunks.put_nowait(message.get("body", b""))
        if not message.get("more_body", False):
            self.ended.set()

    async def event(self) -> dict[str, Any]:
        """The next line of a stream."""
        while not self._lines:
            chunk = await asyncio.wait_for(self._chunks.get(), 10)
            self._lines += chunk.splitlines()
        event: dict[str, Any] = orjson.loads(self._lines.pop(0))
        return event

    async def events(self, count: int) -> list[tuple[str, str]]:
        """Type and name of the next events."""
        found = [await self.event() for _ in range(count)]
        return [(event["type"], event["object"]["metadata"].get("name", "")) for event in found]

    async def disconnect(self) -> None:
        """Go away, and wait until the server has noticed."""
        self._gone.set()
        await asyncio.wait_for(self.task, 10)


def connect(
    front: Front, method: str, url: str, body: Any = None, token: str = ADMIN_TOKEN, **headers: str
) -> Connection:
    """Begin a request; keyword arguments are headers with underscores."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    if token:
        sent.setdefault("authorization", f"Bearer {token}")
    content = body if isinstance(body, bytes) else b"" if body is None else orjson.dumps(body)
    if content:
        sent.setdefault("content-type", "application/json")
        sent.setdefault("content-length", str(len(content)))
    return Connection(front, method, url, sent, content)


async def request(front: Front, method: str, url: str, body: Any = None, **more: Any) -> Answer:
    """A whole request and its answer."""
    connection = connect(front, method, url, body, **more)
    await asyncio.wait_for(connection.task, 20)
    return connection.answer
