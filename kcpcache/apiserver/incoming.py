"""Reads a request from ASGI: its parts, and its body within the limit."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qs

from kcpcache.apimachinery import errors
from kcpcache.apiserver import exceptions, handler
from kcpcache.apiserver.exchange import Request, Response
from kcpcache.apiserver.handler import Answer

MAX_BODY_BYTES = 3 * 1024 * 1024  # what kube-apiserver takes
_MAX_PARAMETERS = 100

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


class Disconnected(Exception):
    """The client went away before its body was complete."""


async def read(scope: MutableMapping[str, Any], receive: Receive) -> tuple[Request, Answer | None]:
    """The whole request, or with it the answer that refuses its parameters or body."""
    request = _without_body(scope)
    try:
        request.query = parameters(scope["query_string"])
        headers = request.headers
        refuse_body(request)
        if "content-length" in headers or "transfer-encoding" in headers:
            request.body = await _body(headers.get("content-length", ""), receive)
    except errors.APIError as error:
        handler.begin(request)
        answer: Response = exceptions.response(error, request)
        answer.headers.append(("connection", "close"))  # what is left of the body is not read
        return request, handler.finish(request, answer)
    return request, None


def _without_body(scope: MutableMapping[str, Any]) -> Request:
    """The request of an ASGI scope; a header that comes twice is joined, as RFC 9110 allows."""
    headers: dict[str, str] = {}
    repeated: dict[str, list[str]] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        if name in headers:
            repeated.setdefault(name, [headers[name]]).append(value)
        else:
            headers[name] = value
    for name, values in repeated.items():
        headers[name] = ", ".join(values)
    raw_path = scope.get("raw_path") or scope["path"].encode()
    return Request(
        method=scope["method"],
        path=scope["path"],
        query={},
        headers=headers,
        raw_path=raw_path.partition(b"?")[0].decode("latin-1"),
    )


def parameters(raw: bytes) -> dict[str, list[str]]:
    """The decoded parameters of a query string; BadRequest."""
    if not raw:
        return {}
    try:
        return parse_qs(
            raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MAX_PARAMETERS
        )
    except ValueError:
        raise errors.BadRequest("the parameters cannot be read") from None


async def _body(content_length: str, receive: Receive) -> bytes:
    if content_length.isdecimal() and (len(content_length) > 12 or int(content_length) > MAX_BODY_BYTES):
        raise _too_large()
    body = bytearray()  # and not a list of pieces: a client may send them a byte long
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        piece: bytes = message.get("body", b"")
        if len(body) + len(piece) > MAX_BODY_BYTES:
            raise _too_large()
        is_last = not message.get("more_body", False)
        if is_last and not body:
            return piece
        body += piece
        if is_last:
            return bytes(body)


def refuse_body(request: Request) -> None:
    """Refuse bodies that are too large, or compressed: what they unpack to is unknown."""
    if len(request.body) > MAX_BODY_BYTES:
        raise _too_large()
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise errors.UnsupportedMediaType("request bodies may not be compressed")


def _too_large() -> errors.RequestEntityTooLarge:
    return errors.RequestEntityTooLarge(f"the request is too large: the limit is {MAX_BODY_BYTES} bytes")
