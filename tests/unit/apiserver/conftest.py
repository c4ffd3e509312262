"""The API server over a store in memory, and ways to talk to it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from kcpcache.apiserver import authentication
from kcpcache.apiserver import backend as backend_module
from kcpcache.apiserver.front import Front
from tests.unit.apiserver import client
from tests.unit.apiserver.backends import Backend


@pytest.fixture
def backend(settings: Any) -> Iterator[Backend]:
    """The backend of one test."""
    settings.KCPCACHE_BACKEND = "tests.unit.apiserver.backends.Backend"
    backend_module.backend.cache_clear()
    authentication.forget()
    made: Any = backend_module.backend()
    yield made
    backend_module.backend.cache_clear()
    authentication.forget()


async def _no_django(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 299, "headers": []})
    await send({"type": "http.response.body", "body": b"django"})


@pytest.fixture
def front(backend: Backend) -> Iterator[Front]:
    """The ASGI application; what belongs to Django's own handler answers 299."""
    made = Front(_no_django)
    yield made
    made.close()


class Caller:
    """Whole requests from synchronous tests."""

    def __init__(self, front: Front) -> None:
        self._front = front

    def __call__(self, method: str, url: str, body: Any = None, **more: Any) -> client.Answer:
        return asyncio.run(client.request(self._front, method, url, body, **more))


@pytest.fixture
def call(front: Front) -> Caller:
    """`call("GET", url)`."""
    return Caller(front)
