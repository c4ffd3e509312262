"""One HTTP exchange without a framework: what the ASGI front and the Django REST framework view share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from kcpcache.apimachinery.descriptor import Descriptor
from kcpcache.apiserver.requestinfo import RequestInfo


@dataclass(frozen=True, slots=True)
class User:
    """Who asks: name, uid and groups, as `authentication.k8s.io` has them."""

    name: str
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def is_authenticated(self) -> bool:
        """True: Django REST framework's permissions ask; there is no anonymous User."""
        return True

    def __str__(self) -> str:
        return self.name


@dataclass(slots=True)
class Request:
    """A request whose body has been read. `path` is decoded once, `headers` have lower-case names."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: Mapping[str, str]
    body: bytes = b""
    raw_path: str = ""  # as sent, percent-encoding and all; requestinfo refuses encoded slashes with it
    user: User | None = None
    id: str = ""
    warnings: list[str] = field(default_factory=list)  # become `Warning: 299 - "…"` headers
    answer: Response | Stream | None = None  # what a view answered, before a framework wrapped it
    info: RequestInfo | None = None  # what the URL asks for
    descriptor: Descriptor | None = None  # the resource that was found
    started: float = 0.0  # `time.perf_counter()` when its id was given
    span: Any = None  # of the trace, if there is one

    def parameter(self, name: str, default: str = "") -> str:
        """The first value of a query parameter."""
        values = self.query.get(name)
        return values[0] if values else default


@dataclass(slots=True)
class Response:
    """An answer that has an end: status, headers (without content-length) and chunks of bytes.

    Chunks are a list or tuple, or an iterator that can be read once: then the answer is large, and its length unknown.
    """

    status: int
    headers: list[tuple[str, str]]
    chunks: Iterable[bytes]

    def body(self) -> bytes:
        """All chunks as one; for callers that cannot stream."""
        return b"".join(self.chunks)


@dataclass(slots=True)
class Stream:
    """An answer that goes on: a watch. The iterator ends when the watch ends."""

    status: int
    headers: list[tuple[str, str]]
    chunks: AsyncIterator[bytes]
