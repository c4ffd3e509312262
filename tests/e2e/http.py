"""The API as plain HTTP, for what kubectl would hide: status codes, headers, single events of a watch."""

from __future__ import annotations

import contextlib
import http.client
import json
import ssl
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from tests.servers import Server
from tests.waiting import until


@dataclass(frozen=True)
class Answer:
    """One complete answer."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.content)


class API:
    """Requests to one server with one bearer token; by default the administrator's."""

    def __init__(self, server: Server, token: str | None = None) -> None:
        """`token` empty: no credentials at all."""
        self._port = server.port
        self._context = ssl.create_default_context(cafile=str(server.authority))
        self.token = admin_token(server) if token is None else token

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        content_type: str = "application/json",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request on a connection of its own."""
        with contextlib.closing(self._connection()) as connection:
            connection.request(method, path, self._encoded(body), self._headers(content_type, headers))
            response = connection.getresponse()
            return Answer(response.status, dict(response.getheaders()), response.read())

    def get(self, path: str) -> Any:
        """The decoded body of a GET, which must succeed."""
        answer = self.request("GET", path)
        assert answer.status == 200, f"GET {path}: {answer.status} {answer.content!r}"
        return answer.json

    def create(self, path: str, obj: Mapping[str, Any]) -> Any:
        """POST; the created object."""
        answer = self.request("POST", path, obj)
        assert answer.status == 201, f"POST {path}: {answer.status} {answer.content!r}"
        return answer.json

    def merge(self, path: str, patch: Mapping[str, Any]) -> Any:
        """A merge patch; the patched object."""
        answer = self.request("PATCH", path, patch, content_type="application/merge-patch+json")
        assert answer.status == 200, f"PATCH {path}: {answer.status} {answer.content!r}"
        return answer.json

    def delete(self, path: str) -> None:
        """DELETE, which must succeed."""
        answer = self.request("DELETE", path)
        assert answer.status in (200, 202), f"DELETE {path}: {answer.status} {answer.content!r}"

    @contextlib.contextmanager
    def watch(self, path: str, **parameters: str) -> Iterator[Events]:
        """An open watch for the length of the block."""
        query = "&".join(f"{name}={value}" for name, value in {"watch": "true", **parameters}.items())
        connection = self._connection()
        connection.request("GET", f"{path}?{query}", headers=self._headers("application/json", None))
        response = connection.getresponse()
        assert response.status == 200, response.read()
        events = Events(response)
        try:
            yield events
        finally:
            sock = connection.sock
            if sock is not None:
                with contextlib.suppress(OSError):
                    sock.shutdown(2)
            events.join()
            connection.close()

    def _connection(self) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection("127.0.0.1", self._port, context=self._context, timeout=60)

    def _encoded(self, body: Any) -> bytes | None:
        if body is None or isinstance(body, bytes):
            return body
        return json.dumps(body).encode()

    def _headers(self, content_type: str, more: Mapping[str, str] | None) -> dict[str, str]:
        headers = {"Content-Type": content_type, "Accept": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        return {**headers, **(more or {})}


class Events:
    """The events of an open watch, collected by a thread."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self._response = response
        self.all: list[Any] = []
        self.ended = False
        self._thread = threading.Thread(target=self._collect, daemon=True)
        self._thread.start()

    def _collect(self) -> None:
        with contextlib.suppress(OSError, http.client.HTTPException, ValueError, AttributeError):
            while line := self._response.readline():
                self.all.append(json.loads(line))
        self.ended = True

    def join(self) -> None:
        """Wait until nothing more is collected."""
        self._thread.join(5)

    def seen(self) -> list[tuple[str, str]]:
        """Type and name of each event but bookmarks."""
        return [
            (event["type"], event["object"]["metadata"]["name"])
            for event in list(self.all)
            if event["type"] in ("ADDED", "MODIFIED", "DELETED")
        ]

    def wait_for(self, kind: str, name: str) -> Any:
        """The first event of a type about an object."""
        return until(lambda: self._first(kind, name), what=f"{kind} {name}; seen {self.seen()}")

    def _first(self, kind: str, name: str) -> Any:
        for event in list(self.all):
            if event["type"] == kind and event["object"]["metadata"]["name"] == name:
                return event
        return None


def admin_token(server: Server) -> str:
    """The administrator's token, as admin.kubeconfig has it."""
    config = yaml.safe_load(server.kubeconfig.read_text())
    token: str = config["users"][0]["user"]["token"]
    return token
