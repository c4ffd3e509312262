from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any

import pytest

from kcpcache.apimachinery.mailbox import Mailbox
from kcpcache.apiserver import streaming
from kcpcache.apiserver.front import Front
from tests.unit.apiserver import client
from tests.unit.apiserver.backends import Backend, MemoryCollection

URL = client.MEMORY_FLAVORS
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"


def run(scenario: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(scenario, 30))


async def until(condition: Any) -> None:
    """Let the loop turn until something is true."""
    while not condition():
        await asyncio.sleep(0.001)


def test_watch_without_a_revision_begins_with_what_there_is(front: Front, backend: Backend) -> None:
    async def scenario() -> None:
        backend.put_memory_flavor("a")
        for query in ("watch=1", "watch=1&resourceVersion=0"):
            watch = client.connect(front, "GET", f"{URL}?{query}")
            assert await watch.events(1) == [("ADDED", "a")]
            backend.put_memory_flavor("b")
            assert await watch.events(1) == [("ADDED", "b")]
            backend.put_memory_flavor("b", size="2")
            backend.delete_memory_flavor("b")
            assert await watch.events(2) == [("MODIFIED", "b"), ("DELETED", "b")]
            assert watch.answer.headers["content-type"] == "application/json"
            await watch.disconnect()

    run(scenario())


def test_watch_from_a_revision_repeats_and_misses_nothing(front: Front, backend: Backend) -> None:
    async def scenario() -> None:
        backend.put_memory_flavor("a")
        revision = backend.put_memory_flavor("b").revision
        backend.put_memory_flavor("c")
        watch = client.connect(front, "GET", f"{URL}?watch=1&resourceVersion={revision}")
        assert await watch.events(1) == [("ADDED", "c")]
        deleted = backend.delete_memory_flavor("a")
        event = await watch.event()
        assert (event["type"], event["object"]["metadata"]["resourceVersion"]) == (
            "DELETED",
            str(deleted.revision),
        )
        await watch.disconnect()

    run(scenario())


@pytest.mark.parametrize("query", ["labelSelector=keep%3Dyes", "fieldSelector=spec.size%3Dyes"])
def test_object_that_leaves_the_selector_is_deleted_and_one_that_enters_added(
    front: Front, backend: Backend, query: str
) -> None:
    def put(value: str) -> int:
        return backend.put_memory_flavor("a", size=value, labels={"keep": value}).revision

    async def scenario() -> None:
        put("no")
        watch = client.connect(front, "GET", f"{URL}?watch=1&{query}")
        await until(lambda: backend.store.watches)
        put("yes")
        put("yes")
        revision = put("no")
        put("no")
        put("yes")
        backend.delete_memory_flavor("a")
        assert await watch.events(2) == [("ADDED", "a"), ("MODIFIED", "a")]
        left = await watch.event()
        assert (left["type"], left["object"]["spec"]["size"]) == ("DELETED", "yes")
        assert left["object"]["metadata"]["resourceVersion"] == str(revision)
        assert await watch.events(2) == [("ADDED", "a"), ("DELETED", "a")]
        await watch.disconnect()

    run(scenario())


@pytest.mark.parametrize("query", ["labelSelector=keep%3Dyes", "fieldSelector=spec.size%3Dyes"])
@pytest.mark.parametrize("since", ["", "&resourceVersion=1"])
def test_others_have_their_turn_while_a_watch_looks_through_what_it_does_not_select(
    front: Front, backend: Backend, monkeypatch: pytest.MonkeyPatch, query: str, since: str
) -> None:
    monkeypatch.setattr(streaming, "STEP_EVENTS", 10)
    for number in range(200):
        backend.put_memory_flavor(f"a{number}", size="no")
    backend.put_memory_flavor("b", size="yes", labels={"keep": "yes"})

    async def scenario() -> None:
        turns = 0

        async def count_turns() -> None:
            nonlocal turns
            while True:
                await asyncio.sleep(0)
                turns += bool(backend.store.watches)

        counting = asyncio.ensure_future(count_turns())
        watch = client.connect(front, "GET", f"{URL}?watch=1&{query}{since}")
        assert await watch.events(1) == [("ADDED", "b")]
        assert turns >= 15
        counting.cancel()
        await watch.disconnect()

    run(scenario())


def test_watch_from_a_compacted_revision_is_one_error_event(front: Front, backend: Backend) -> None:
    async def scenario() -> None:
        for name in "abc":
            backend.put_memory_flavor(name)
        backend.store.compact(backend.store.revision)
        for url in (URL, client.FLAVORS):
            watch = client.connect(front, "GET", f"{url}?watch=1&resourceVersion=1")
            event = await watch.event()
            assert event["type"] == "ERROR"
            assert (event["object"]["code"], event["object"]["reason"]) == (410, "Expired")
            await asyncio.wait_for(watch.task, 10)
            assert watch.answer.status == 200

    run(scenario())


def test_watch_that_expires_while_open_ends_with_an_error_event(front: Front, backend: Backend) -> None:
    async def scenario() -> None:
        watch = client.connect(front, "GET", f"{URL}?watch=1")
        await until(lambda: backend.store.watches)
        backend.store.watches[0].mailbox.close("expired")
        assert (await watch.event())["object"]["reason"] == "Expired"
        await asyncio.wait_for(watch.task, 10)
        assert not backend.store.watches

    run(scenario())


def test_watch_list_ends_its_initial_events_with_a_bookmark(front: Front, backend: Backend) -> None:
    async def scenario() -> None:
        backend.put_memory_flavor("a")
        revision = backend.put_memory_flavor("b").revision
        query = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
        for url in (URL, f"{URL}?resourceVersion={revision}&"):
            watch = client.connect(front, "GET", f"{url}{'' if '?' in url else '?'}{query}")
            assert await watch.events(2) == [("ADDED", "a"), ("ADDED", "b")]
            bookmark = await watch.event()
            assert bookmark["type"] == "BOOKMARK"
            assert bookmark["object"]["kind"] == "MemFlavor"
            assert bookmark["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
            assert int(bookmark["object"]["metadata"]["resourceVersion"]) >= revision
            await watch.disconnect()

    run(scenario())


def test_watch_list_of_the_future_is_504(front: Front, backend: Backend) -> None:
    async def scenario() -> None:
        query = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&resourceVersion=99999"
        answer = await client.request(front, "GET", f"{URL}?{query}")
        assert answer.status == 504

    run(scenario())


def test_watch_without_initial_events_begins_now(front: Front, backend: Backend) -> None:
    async def scenario() -> None:
        backend.put_memory_flavor("a")
        query = "watch=1&sendInitialEvents=false&resourceVersionMatch=NotOlderThan"
        watch = client.connect(front, "GET", f"{URL}?{query}")
        await until(lambda: backend.store.watches)
        backend.put_memory_flavor("b")
        assert await watch.events(1) == [("ADDED", "b")]
        await watch.disconnect()

    run(scenario())


def test_watch_ends_at_its_deadline_with_a_bookmark(front: Front, backend: Backend) -> None:
    async def scenario() -> None:
        revision = backend.put_memory_flavor("a").revision
        for url in (URL, client.FLAVORS):
            query = f"watch=1&timeoutSeconds=1&allowWatchBookmarks=true&resourceVersion={revision}"
            watch = client.connect(front, "GET", f"{url}?{query}")
            event = await watch.event()
            assert event["type"] == "BOOKMARK"
            assert int(event["object"]["metadata"]["resourceVersion"]) >= revision
            await asyncio.wait_for(watch.task, 10)
            assert watch.ended.is_set()

    run(scenario())


def test_bookmarks_come_while_nothing_happens(
    front: Front, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "BOOKMARK_SECONDS", 10.0)  # of which up to ten are taken off

    async def scenario() -> None:
        watch = client.connect(front, "GET", f"{URL}?watch=1&allowWatchBookmarks=true")
        assert (await watch.event())["type"] == "BOOKMARK"
        await watch.disconnect()

    run(scenario())


def test_table_watch_sends_columns_once(front: Front, backend: Backend) -> None:
    async def scenario() -> None:
        backend.put_memory_flavor("a", size="1")
        watch = client.connect(front, "GET", f"{URL}?watch=1&includeObject=Object", accept=TABLE)
        first = (await watch.event())["object"]
        backend.put_memory_flavor("b", size="2")
        second = (await watch.event())["object"]
        assert [column["name"] for column in first["columnDefinitions"]] == ["Name", "Size"]
        assert second["columnDefinitions"] is None
        assert (second["rows"][0]["cells"], second["rows"][0]["object"]["kind"]) == (["b", "2"], "MemFlavor")
        await watch.disconnect()

    run(scenario())


def test_one_event_is_encoded_once_for_all_watchers_of_a_form(front: Front, backend: Backend) -> None:
    async def scenario() -> None:
        watches = [client.connect(front, "GET", f"{URL}?watch=1") for _ in range(5)]
        await until(lambda: len(backend.store.watches) == 5)
        event_of: list[Any] = []
        mailbox: Mailbox[Any] = backend.store.watches[0].mailbox
        taken, mailbox.on_ready = mailbox.on_ready, None
        backend.put_memory_flavor("a")
        event_of = list(mailbox._items)
        if taken is not None:
            taken()
        for watch in watches:
            assert await watch.events(1) == [("ADDED", "a")]
        assert len(event_of[0].rendered) == 1
        for watch in watches:
            await watch.disconnect()

    run(scenario())


def test_legacy_watch_paths_follow_one_name(front: Front, backend: Backend) -> None:
    async def scenario() -> None:
        backend.put_memory_flavor("a")
        backend.put_memory_flavor("b")
        url = f"{client.BASE}/apis/cloud.example.com/v1/watch/memflavors/b"
        watch = client.connect(front, "GET", url)
        assert await watch.events(1) == [("ADDED", "b")]
        await watch.disconnect()

    run(scenario())


def test_slow_watcher_is_ended_and_counted_even_in_a_blocked_write(front: Front, backend: Backend) -> None:
    async def scenario() -> None:
        before = streaming.slow_watchers_total
        fast = client.connect(front, "GET", f"{URL}?watch=1")
        await until(lambda: len(backend.store.watches) == 1)
        slow = client.connect(front, "GET", f"{URL}?watch=1")
        await until(lambda: len(backend.store.watches) == 2)
        slow.may_write.clear()
        mailbox: Mailbox[Any] = backend.store.watches[1].mailbox
        backend.put_memory_flavor("a")
        assert await fast.events(1) == [("ADDED", "a")]
        mailbox.close("slow")
        await asyncio.wait_for(slow.task, 10)
        assert streaming.slow_watchers_total == before + 1
        backend.put_memory_flavor("b")
        assert await fast.events(1) == [("ADDED", "b")]
        await fast.disconnect()
        assert not backend.store.watches

    run(scenario())


def test_ten_thousand_watches_opened_and_closed_at_once_leave_nothing(front: Front, backend: Backend) -> None:
    async def scenario() -> None:
        for url in (f"{URL}?watch=1", f"{client.FLAVORS}?watch=1"):
            watches = [client.connect(front, "GET", url) for _ in range(5000)]
            for watch in watches:
                watch._gone.set()
            await asyncio.gather(*(watch.task for watch in watches))
        assert not backend.store.watches
        assert streaming.open_count() == 0
        assert (await client.request(front, "GET", URL)).status == 200

    asyncio.run(asyncio.wait_for(scenario(), 100))


def test_shutdown_ends_watches_cleanly_and_refuses_new_ones(front: Front, backend: Backend) -> None:
    async def scenario() -> None:
        watches = [client.connect(front, "GET", f"{url}?watch=1") for url in (URL, client.FLAVORS)]
        await until(lambda: streaming.open_count() == 2)
        front.shutdown()
        for watch in watches:
            await asyncio.wait_for(watch.task, 10)
            assert watch.ended.is_set()
        assert not backend.store.watches
        answer = await client.request(front, "GET", f"{URL}?watch=1")
        assert (answer.status, answer.headers["retry-after"]) == (503, "1")
        assert (await client.request(front, "GET", "/readyz", token="")).status == 500
        assert (await client.request(front, "GET", URL)).status == 200

    run(scenario())


@pytest.mark.parametrize("url", [URL, client.FLAVORS])
def test_watch_that_is_about_to_begin_at_shutdown_ends_too(
    front: Front, backend: Backend, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    """Whether it begins in a thread or waits on the loop until memory is found to be fresh."""
    begun, may_go_on = threading.Event(), threading.Event()
    watch, check = MemoryCollection.watch, backend._check

    def slow_watch(*arguments: Any, **options: Any) -> Any:
        begun.set()
        assert may_go_on.wait(10)
        return watch(*arguments, **options)

    async def slow_check() -> None:
        begun.set()
        await until(may_go_on.is_set)
        await check()

    monkeypatch.setattr(MemoryCollection, "watch", slow_watch)
    monkeypatch.setattr(backend, "_check", slow_check)

    async def scenario() -> None:
        opened = client.connect(front, "GET", f"{url}?watch=1")
        await until(begun.is_set)
        front.shutdown()
        may_go_on.set()
        await asyncio.wait_for(opened.task, 10)
        assert opened.ended.is_set()
        assert not backend.store.watches

    run(scenario())


def test_watch_of_a_resource_that_vanishes_ends(front: Front, backend: Backend) -> None:
    async def scenario() -> None:
        watch = client.connect(front, "GET", f"{client.FLAVORS}?watch=1")
        await until(lambda: backend.store.watches)
        backend.store.watches[0].mailbox.close("gone")
        await asyncio.wait_for(watch.task, 10)
        assert watch.ended.is_set()

    run(scenario())
