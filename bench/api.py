"""Plain requests with JSON bodies, for setting up and looking at states; nothing here is measured."""

from __future__ import annotations

import contextlib
import http.client
import json
import time
from collections.abc import Callable, Iterator
from typing import Any, Self, TypeVar

from bench.target import Target

T = TypeVar("T")
TIMEOUT_SECONDS = 120.0


class Unexpected(Exception):
    """The server did not answer as a workload needs it."""


class API:
    """Requests to one server, one after the other, on one connection that is kept alive."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self._connection: http.client.HTTPConnection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the connection back."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def ask(
        self, method: str, path: str, body: Any = None, *, content_type: str = "application/json"
    ) -> tuple[int, bytes]:
        """Status and body; a connection that the server has closed meanwhile is opened again once."""
        content = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.target.token}", "Accept": "application/json"}
        if content is not None:
            headers["Content-Type"] = content_type
        for is_last in (False, True):
            connection = self._connection or self._connect()
            try:
                connection.request(method, path, content, headers)
                response = connection.getresponse()
                return response.status, response.read()
            except (http.client.HTTPException, OSError):
                self.close()
                if is_last or method == "POST":
                    raise
        raise AssertionError("unreachable")

    def get(self, path: str) -> Any:
        """The decoded body of a GET; Unexpected unless it is 200."""
        return self._expect(200, "GET", path)

    def create(self, path: str, obj: Any) -> Any:
        """The created object; Unexpected."""
        return self._expect(201, "POST", path, obj)

    def merge(self, path: str, patch: Any) -> Any:
        """The patched object; Unexpected."""
        return self._expect(200, "PATCH", path, patch, content_type="application/merge-patch+json")

    def delete(self, path: str) -> None:
        """Delete what may be gone already; Unexpected."""
        status, content = self.ask("DELETE", path)
        if status not in (200, 202, 404):
            raise Unexpected(f"DELETE {path}: {status} {content[:500]!r}")

    def _expect(self, wanted: int, method: str, path: str, body: Any = None, **options: Any) -> Any:
        status, content = self.ask(method, path, body, **options)
        if status != wanted:
            raise Unexpected(f"{method} {path}: {status} {content[:500]!r}")
        return json.loads(content)

    def _connect(self) -> http.client.HTTPConnection:
        target, tls = self.target, self.target.tls()
        if tls is None:
            self._connection = http.client.HTTPConnection(target.host, target.port, timeout=TIMEOUT_SECONDS)
        else:
            self._connection = http.client.HTTPSConnection(
                target.host, target.port, timeout=TIMEOUT_SECONDS, context=tls
            )
        return self._connection

    @contextlib.contextmanager
    def events(self, path: str, timeout_seconds: float) -> Iterator[Iterator[Any]]:
        """The events of a watch on a connection of its own, decoded; TimeoutError when none comes in time."""
        with API(self.target) as watching:
            connection = watching._connect()
            connection.timeout = timeout_seconds
            headers = {"Authorization": f"Bearer {self.target.token}", "Accept": "application/json"}
            connection.request("GET", path, headers=headers)
            response = connection.getresponse()
            if response.status != 200:
                raise Unexpected(f"watch {path}: {response.status} {response.read()[:500]!r}")
            yield (json.loads(line) for line in response)


def until(
    condition: Callable[[], T], what: str, *, timeout_seconds: float = 60.0, pause_seconds: float = 0.02
) -> T:
    """Ask until the answer is true; the answer. Unexpected when time is up."""
    deadline = time.monotonic() + timeout_seconds
    while not (answer := condition()):
        if time.monotonic() > deadline:
            raise Unexpected(f"{what} did not come within {timeout_seconds:.0f} s")
        time.sleep(pause_seconds)
    return answer
