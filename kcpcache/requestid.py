"""The id of the request in hand, so that each line of the log names the request it belongs to."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from inspect import iscoroutinefunction
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

HEADER = "X-Request-Id"

current: ContextVar[str] = ContextVar("request_id", default="-")


class Filter(logging.Filter):
    """Gives every record a `request_id`; ``-`` outside of requests."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Add the id; no record is dropped."""
        record.request_id = current.get()
        return True


@sync_and_async_middleware
def middleware(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Django's own pages (admin, REST) get an id too; the Kubernetes API's come from its handler."""
    if iscoroutinefunction(get_response):
        respond: Callable[[HttpRequest], Awaitable[HttpResponseBase]] = get_response

        async def answer_async(request: HttpRequest) -> HttpResponseBase:
            return _marked(_begin(), await respond(request))

        return answer_async

    def answer(request: HttpRequest) -> HttpResponseBase:
        return _marked(_begin(), get_response(request))

    return answer


def _begin() -> str:
    request_id = str(uuid.uuid4())
    current.set(request_id)
    return request_id


def _marked(request_id: str, response: HttpResponseBase) -> HttpResponseBase:
    response.headers.setdefault(HEADER, request_id)
    return response
