"""A connection of uvicorn with bounds: on the size of a request, and on the time it may take to arrive.

uvicorn has neither, and both are needed before anybody is authenticated. Besides, the application can drop a
connection at once, whatever is still to be sent on it: closing waits until the client has taken what was written,
and a client that takes nothing would keep its connection.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any, NoReturn

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

ABORT = "kcpcache.abort"  # the ASGI extension; its "call" takes no arguments

MAX_HEAD_BYTES = 64 * 1024  # of the URL and all headers
MAX_HEADER_LINES = 100
MAX_BODY_BYTES = 16 * 1024 * 1024  # on the wire; the API takes far less, and says so itself
HEAD_SECONDS = 10.0  # from the connection, or the first byte of a later request, to the end of the headers
BODY_SECONDS = 60.0  # in which a body must end, or at least BODY_PROGRESS_BYTES of it come
BODY_PROGRESS_BYTES = 64 * 1024


class _TooLarge(Exception):
    """Ends the parsing of a request."""


class Protocol(HttpToolsProtocol):
    """Refuses requests that are too large or too slow; says in each scope how its connection is dropped."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._timer: asyncio.TimerHandle | None = None
        self._heads = 0  # that are whole
        self._is_in_body = False
        self._head_bytes = 0  # as parsed
        self._part_bytes = 0  # of a head or a body, as received after the piece of data in which it began
        self._timed_bytes = 0  # of those, when the timer was set
        self._refusal: HTTPStatus | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has connected, and must now say what it wants."""
        super().connection_made(transport)
        self._set_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended."""
        self._cancel_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse, then look whether what has begun is still within its bounds."""
        if self.transport.is_closing():
            return
        heads, was_in_body = self._heads, self._is_in_body
        super().data_received(data)
        if self._refusal is not None:
            return
        if heads == self._heads and was_in_body == self._is_in_body:
            self._part_bytes += len(data)
            if was_in_body and self._part_bytes > MAX_BODY_BYTES:
                self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            elif not was_in_body and self._part_bytes > MAX_HEAD_BYTES:
                self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
            elif self._timer is None:
                self._set_timer()
            return
        self._part_bytes = 0
        self._cancel_timer()
        if self._is_in_body:
            self._set_timer()

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self.scope["extensions"] = {ABORT: {"call": self.transport.abort}}
        self._head_bytes = 0

    def on_url(self, url: bytes) -> None:
        """A piece of the URL."""
        self._head_bytes += len(url)
        if self._head_bytes > MAX_HEAD_BYTES:
            self._stop_parsing()
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A whole header, or one that follows a body in chunks."""
        self._head_bytes += len(name) + len(value)
        if self._head_bytes > MAX_HEAD_BYTES or len(self.headers) >= MAX_HEADER_LINES:
            self._stop_parsing()
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The request can be answered."""
        super().on_headers_complete()
        self._heads += 1
        self._is_in_body = True

    def on_message_complete(self) -> None:
        """The request has come to its end, with or without a body."""
        self._is_in_body = False
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what cannot be parsed, or what has been refused while it was parsed."""
        self._refuse(self._refusal or HTTPStatus.BAD_REQUEST)

    def _stop_parsing(self) -> NoReturn:
        """Leave the parser, which then calls `send_400_response`."""
        self._refusal = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
        raise _TooLarge

    def _refuse(self, status: HTTPStatus) -> None:
        """Close, after an answer where it would not be taken for a part of another."""
        self._refusal = status
        self._cancel_timer()
        if not self.pipeline and not (
            self.cycle.response_started if self._is_in_body else self._is_answering()
        ):
            text = status.phrase.encode()
            self.transport.write(
                STATUS_LINE[status]
                + b"content-type: text/plain; charset=utf-8\r\nconnection: close\r\n"
                + b"content-length: %d\r\n\r\n%s" % (len(text), text)
            )
        self.transport.close()

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _set_timer(self) -> None:
        self._timed_bytes = self._part_bytes
        seconds = BODY_SECONDS if self._is_in_body else HEAD_SECONDS
        self._timer = self.loop.call_later(seconds, self._time_is_up)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _time_is_up(self) -> None:
        """Close, unless there is progress, or the wait is for us; silently where there is no request to answer."""
        self._timer = None
        if self._is_in_body:
            may_go_on = self._part_bytes - self._timed_bytes >= BODY_PROGRESS_BYTES
        else:
            may_go_on = self._is_answering()
        if may_go_on or self.flow.read_paused:
            self._set_timer()
        elif self._is_in_body:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT)
        else:
            self.transport.close()
