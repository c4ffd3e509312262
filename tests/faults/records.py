"""What a client saw, as it saw it: raw bytes, and the little that must be known of them."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import orjson

# Logical cluster, namespace and name.
Key: TypeAlias = tuple[str, str, str]

_LINE = re.compile(rb'\{"type":"([A-Z]+)","object":(.*)\}', re.DOTALL)
_ITEMS = '"items":['
_DECODER = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class Seen:
    """One object at one revision."""

    key: Key
    revision: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Listing:
    """A whole list."""

    revision: int
    items: tuple[Seen, ...]
    at: float = field(default_factory=time.monotonic, compare=False)


@dataclass(frozen=True, slots=True)
class Change:
    """An event of a watch: ADDED, MODIFIED or DELETED."""

    type: str
    seen: Seen
    at: float = field(default_factory=time.monotonic, compare=False)


@dataclass(frozen=True, slots=True)
class Bookmark:
    """A watch has come to a revision without an event."""

    revision: int


@dataclass(frozen=True, slots=True)
class Resumed:
    """The connection was lost or ended, and the watch was opened again behind this revision."""

    revision: int


@dataclass(frozen=True, slots=True)
class Expired:
    """The server no longer knew the revision: 410; a Listing follows."""

    revision: int


@dataclass(frozen=True, slots=True)
class Failed:
    """An answer that no watch should get."""

    what: str


Entry: TypeAlias = Listing | Change | Bookmark | Resumed | Expired | Failed


def seen(body: bytes) -> Seen:
    """An object's key and revision beside its bytes; ValueError when it is no object."""
    metadata = orjson.loads(body)["metadata"]
    cluster = (metadata.get("annotations") or {}).get("kcp.io/cluster", "")
    key = (cluster, metadata.get("namespace", ""), metadata.get("name", ""))
    return Seen(key, int(metadata["resourceVersion"]), body)


def listing(content: bytes) -> Listing:
    """A list's answer taken apart, each item as the bytes that came."""
    text = content.decode()
    revision = int(orjson.loads(content)["metadata"]["resourceVersion"])
    place = text.index(_ITEMS) + len(_ITEMS)
    items = []
    while text[place] != "]":
        _, end = _DECODER.raw_decode(text, place)
        items.append(seen(text[place:end].encode()))
        place = end + (text[end] == ",")
    return Listing(revision, tuple(items))


def line(content: bytes) -> Change | Bookmark | Expired | Failed:
    """One line of a watch."""
    match = _LINE.fullmatch(content)
    if match is None:
        return Failed(f"not an event: {content[:200]!r}")
    kind, body = match[1].decode(), match[2]
    if kind == "ERROR":
        status: Any = orjson.loads(body)
        return Expired(0) if status.get("code") == 410 else Failed(body.decode())
    if kind == "BOOKMARK":
        return Bookmark(int(orjson.loads(body)["metadata"]["resourceVersion"]))
    return Change(kind, seen(body))
