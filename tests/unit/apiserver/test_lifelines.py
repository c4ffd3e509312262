"""Watches end when what they watch is no longer served."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from kcpcache.apimachinery import errors
from kcpcache.apiserver import lifelines
from kcpcache.apiserver.front import Front
from tests.unit.apiserver import client
from tests.unit.apiserver.backends import Backend
from tests.unit.apiserver.test_watches import run, until


async def at_once(function: Callable[..., Any], *args: Any) -> Any:
    return function(*args)


def test_watch_ends_when_its_resource_is_withdrawn_and_others_go_on(front: Front, backend: Backend) -> None:
    async def scenario() -> None:
        backend.put_memory_flavor("a")
        guard = lifelines.Guard(backend, at_once)
        withdrawn = client.connect(front, "GET", f"{client.MEMORY_FLAVORS}?watch=1")
        kept = client.connect(front, "GET", f"{client.CONFIG_MAPS}?watch=1")
        assert await withdrawn.events(1) == [("ADDED", "a")]
        await until(lambda: len(backend.store.watches) == 2)
        await guard.look()
        assert not withdrawn.ended.is_set()
        backend.withdraw("memflavors")
        await guard.look()
        await asyncio.wait_for(withdrawn.ended.wait(), 5)
        await guard.look()
        assert not kept.ended.is_set()
        await kept.disconnect()

    run(scenario())


def test_watch_that_opens_while_its_resource_is_withdrawn_ends_too(front: Front, backend: Backend) -> None:
    async def scenario() -> None:
        guard = lifelines.Guard(backend, at_once)
        await guard.look()
        watch = client.connect(front, "GET", f"{client.MEMORY_FLAVORS}?watch=1")
        await until(lambda: backend.store.watches)
        backend.withdrawn.add(
            "memflavors"
        )  # before the guard saw the watch, and discovery does not move again
        await guard.look()
        await asyncio.wait_for(watch.ended.wait(), 5)

    run(scenario())


def test_nothing_ends_while_the_database_is_away(front: Front, backend: Backend) -> None:
    async def scenario() -> None:
        guard = lifelines.Guard(backend, at_once)
        watch = client.connect(front, "GET", f"{client.MEMORY_FLAVORS}?watch=1")
        await until(lambda: backend.store.watches)
        backend.fails_with = errors.ServiceUnavailable("the database is away")
        with pytest.raises(errors.ServiceUnavailable):
            await guard.look()
        assert not watch.ended.is_set()
        backend.fails_with = None
        backend.withdraw("memflavors")
        await guard.look()
        await asyncio.wait_for(watch.ended.wait(), 5)

    run(scenario())
