"""The one reader of the log in a process, and its fan-out."""

from __future__ import annotations

import collections
import os
import queue
import threading
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection, transaction

from kcpcache.apimachinery.mailbox import Closed
from kcpcache.apimachinery.storage import Event, ListOptions
from tests.contract.harness import THINGS, THINGS_EVERYWHERE, SQLHarness, key, thing
from tests.contract.reading import FeedReader
from tests.waiting import until
from workspaces.store import broadcast, changelog, compaction, pagesize, revisions, sql
from workspaces.store.hub import Hub


def put(name, **spec):
    return SQLHarness().put(key(name), thing(name, **spec))


def watched(revision):
    return FeedReader(sql.SQLCollection(THINGS).watch(ListOptions(revision=revision), with_initial=False))


def event(name="a", revision=1, namespace="", cluster="alpha"):
    return Event("ADDED", revision, key(name, namespace=namespace, cluster=cluster), b"{}", {})


def test_watch_that_opens_while_the_follower_skips_ahead_loses_nothing(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = put("a")
    broadcast.start()
    newest, readers = revisions.newest, []

    def newest_after_a_watch_was_opened(using: str = "default") -> revisions.Revisions:
        is_follower = threading.current_thread().name == "store-follower" and using == "default"
        if is_follower and not readers:
            readers.append(watched(begin))
            put("a", size=2)
        return newest(using)

    monkeypatch.setattr(revisions, "newest", newest_after_a_watch_was_opened)
    broadcast.notify()
    until(lambda: readers, what="the follower's look at the counter")
    assert [one.revision for one in readers[0].until(begin + 1)] == [begin + 1]
    readers[0].feed.close()


def test_follower_that_nobody_needs_only_counts(database: str) -> None:
    broadcast.start()
    last = put("a")
    follower = broadcast.follower()
    assert follower is not None
    until(lambda: follower.position >= last, what="the follower's position")
    assert broadcast.hub().position >= last


def test_follower_starts_and_stops_again_and_again(database: str) -> None:
    for size in range(3):
        reader = watched(put("a", size=size))
        last = put("a", size=-size - 1)
        assert [one.revision for one in reader.until(last)] == [last]
        broadcast.start()
        broadcast.stop()
        broadcast.stop()
        with pytest.raises(Closed) as caught:
            reader.feed.mailbox.take()
        assert caught.value.reason == "shutdown"
    assert broadcast.follower() is None
    assert not [thread for thread in threading.enumerate() if thread.name == "store-follower"]


def test_follower_polls_when_hints_are_lost(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broadcast, "notify", lambda: None)
    reader = watched(put("a"))
    last = put("a", size=2)
    assert [one.revision for one in reader.until(last)] == [last]
    reader.feed.close()


def test_follower_survives_errors_of_the_database(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broadcast, "BACKOFF_SECONDS", 0.05)
    reader = watched(put("a"))
    seen = put("a", size=2)
    reader.until(seen)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE workspaces_change RENAME TO elsewhere")
    try:
        failures = threading.Semaphore(0)
        advance = broadcast.Follower._advance

        def counted(self: broadcast.Follower) -> None:
            try:
                advance(self)
            except Exception:
                failures.release()
                raise

        monkeypatch.setattr(broadcast.Follower, "_advance", counted)
        broadcast.notify()
        for _ in range(2):
            assert failures.acquire(timeout=10)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE elsewhere RENAME TO workspaces_change")
    last = put("a", size=3)
    assert [one.revision for one in reader.until(last)] == [seen, last]
    reader.feed.close()


def test_follower_survives_the_end_of_its_connection(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if database == "sqlite":
        assert connection.vendor == "sqlite"  # there is no server that could go away
        return
    monkeypatch.setattr(broadcast, "BACKOFF_SECONDS", 0.05)
    reader = watched(put("a"))
    seen = put("a", size=2)
    reader.until(seen)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
            " AND datname = current_database()"
        )
        assert cursor.fetchone()[0] >= 1
    last = put("a", size=3)
    assert [one.revision for one in reader.until(last)] == [seen, last]
    reader.feed.close()


def test_follower_behind_the_compacted_revision_ends_watches_with_expired(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broadcast, "POLL_SECONDS", 30.0)
    reader = watched(put("a"))
    follower = broadcast.follower()
    assert follower is not None
    until(lambda: follower._woken._cond._waiters, what="the follower to have read all and to wait")
    with monkeypatch.context() as patch:
        patch.setattr(broadcast, "notify", lambda: None)
        for size in range(4):
            put("a", size=size)
    compaction.compact(max_age_seconds=3600, max_rows=1)
    assert changelog.compacted() > follower.position
    broadcast.notify()

    def reason() -> str:
        return reader.feed.mailbox.closed_reason

    assert until(reason) == "expired"
    again = watched(revisions.newest().value)
    last = put("a", size=9)
    assert [one.revision for one in again.until(last)] == [last]
    again.feed.close()


def test_follower_waits_until_a_batch_was_delivered(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pagesize, "FIRST", 4)
    monkeypatch.setattr(pagesize, "MOST", 4)
    monkeypatch.setattr(broadcast, "DELIVERY_SECONDS", 30.0)
    begin = put("a")
    broadcast.start()
    follower, posted = broadcast.follower(), queue.SimpleQueue()
    assert follower is not None
    until(lambda: follower.position >= begin, what="the follower's position")
    monkeypatch.setattr(broadcast.hub(), "post", posted.put)
    reader = watched(begin)
    with transaction.atomic():
        last = [put("a", size=size) for size in range(10)][-1]
    for reached in (begin + 4, begin + 8):
        deliver = posted.get(timeout=10)
        until(lambda: follower._delivered._cond._waiters, what="the follower to wait for the delivery")
        assert (follower.position, posted.empty(), reader.feed.mailbox.take()) == (reached, True, [])
        deliver()
        assert [one.revision for one in reader.feed.mailbox.take()] == list(range(reached - 3, reached + 1))
    posted.get(timeout=10)()
    assert [one.revision for one in reader.feed.mailbox.take()] == [last - 1, last]
    reader.feed.close()


def test_large_changes_are_read_few_at_once(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the follower, and by a watch that begins in the past: both hold what one statement reads."""
    limits: list[int] = []
    read = changelog.batch_after

    def noted(revision: int, *, limit: int, **options: Any) -> changelog.Batch:
        batch = read(revision, limit=limit, **options)
        if batch.changes:
            limits.append(limit)
        return batch

    monkeypatch.setattr(pagesize, "FIRST", 4)
    monkeypatch.setattr(pagesize, "BYTES", 30_000)
    begin = put("a")
    reader = watched(begin)
    monkeypatch.setattr(changelog, "batch_after", noted)
    with transaction.atomic():
        last = [put("a", text="x" * 5000, size=size) for size in range(20)][-1]
    assert [one.revision for one in reader.until(last)] == list(range(begin + 1, last + 1))
    assert limits[0] == 4 and max(limits[1:]) <= 3
    limits.clear()
    again = watched(begin)
    assert len(list(again.feed.history)) == 20
    assert limits[0] == 4 and max(limits[1:]) <= 3
    reader.feed.close()
    again.feed.close()


def test_follower_that_waits_for_a_delivery_stops_at_once(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pagesize, "FIRST", 1)
    monkeypatch.setattr(pagesize, "MOST", 1)
    monkeypatch.setattr(broadcast, "DELIVERY_SECONDS", 600.0)
    begin = put("a")
    reader = watched(begin)
    follower = broadcast.follower()
    assert follower is not None
    with monkeypatch.context() as patch:
        patch.setattr(broadcast.hub(), "post", lambda deliver: None)
        with transaction.atomic():
            put("a", size=2)
            put("a", size=3)
        until(lambda: follower._delivered._cond._waiters, what="the follower to wait for the delivery")
        broadcast.stop()
    assert not follower.is_alive()
    reader.feed.close()


def test_follower_goes_on_when_nothing_is_delivered(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broadcast, "DELIVERY_SECONDS", 0.05)
    reader = watched(put("a"))
    monkeypatch.setattr(broadcast.hub(), "post", lambda deliver: None)
    last = put("a", size=2)
    follower = broadcast.follower()
    assert follower is not None
    until(lambda: follower.position >= last, what="the first batch")
    last = put("a", size=3)
    until(lambda: follower.position >= last, what="the next one")
    reader.feed.close()


def test_child_of_a_fork_follows_nothing_until_it_starts(database: str) -> None:
    reader = watched(put("a"))
    child = os.fork()
    if child == 0:
        idle = broadcast.follower() is None and broadcast.hub().is_idle()
        os._exit(0 if idle else 1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert not broadcast.hub().is_idle()
    reader.feed.close()


def test_hub_gives_each_mailbox_what_it_asked_for() -> None:
    hub = Hub()
    wanted = {
        "all": hub.subscribe(THINGS),
        "everywhere": hub.subscribe(THINGS_EVERYWHERE),
        "namespace": hub.subscribe(THINGS, "one"),
        "name": hub.subscribe(THINGS, "", "a"),
        "both": hub.subscribe(THINGS, "one", "a"),
    }
    events = [
        event("a", 1),
        event("a", 2, namespace="one"),
        event("b", 3, namespace="one"),
        event("b", 4, namespace="two", cluster="beta"),
    ]
    hub.publish(events, 5)
    got = {kind: [one.revision for one in mailbox.take()] for kind, mailbox in wanted.items()}
    assert got == {
        "all": [1, 2, 3],
        "everywhere": [1, 2, 3, 4],
        "namespace": [2, 3],
        "name": [1, 2],
        "both": [2],
    }
    assert hub.position == 5


def test_hub_fills_mailboxes_where_it_is_told_to() -> None:
    hub, posted = Hub(), []
    hub.post = posted.append
    mailbox = hub.subscribe(THINGS)
    hub.publish([event("a", 1)], 1)
    assert (mailbox.take(), hub.position) == ([], 0)
    posted.pop()()
    assert [one.revision for one in mailbox.take()] == [1]
    assert hub.position == 1
    hub.close_all("shutdown")
    posted.pop()()
    assert mailbox.closed_reason == "shutdown"


def test_large_batch_is_done_when_watches_had_many_turns() -> None:
    hub, posted, done = Hub(), collections.deque(), []
    hub.post = posted.append

    def turns_of(events: list[Event]) -> int:
        hub.publish(events, 1, done=lambda: done.append(1))
        turns = 0
        while not done:
            posted.popleft()()
            turns += 1
        done.clear()
        assert not posted
        return turns

    assert turns_of([event()]) == 1
    assert turns_of([event("a", revision) for revision in range(500)]) == 6
    assert turns_of([replace(event(), body=b"x" * 1024 * 1024)]) == 17


def test_mailbox_of_a_reader_behind_is_bounded_by_bytes_too() -> None:
    hub = Hub()
    behind, good = hub.subscribe(THINGS), hub.subscribe(THINGS)
    megabyte = b"x" * 1024 * 1024
    big = [replace(event("a", revision), body=megabyte, previous=megabyte) for revision in range(1, 41)]
    hub.publish(big, 40)
    hub.publish(big[:32], 72)
    for mailbox in (behind, good):
        assert len(mailbox.take()) == 72  # 80 MiB that came at once, and 64 MiB behind them
    hub.publish(big, 112)
    good.take()
    hub.publish(big[:32], 144)
    assert not behind.closed_reason
    hub.publish([event()], 145)
    assert behind.closed_reason == "slow"
    assert len(good.take()) == 33


def test_hub_forgets_mailboxes_that_are_closed_or_broken() -> None:
    hub = Hub()
    slow, broken, good = (hub.subscribe(THINGS) for _ in range(3))

    def break_down() -> None:
        raise ZeroDivisionError

    broken.on_ready = break_down
    for revision in range(1, 11):
        hub.publish([event("a", revision * 2000 + step) for step in range(1500)], revision)
        assert len(good.take()) == 1500
    assert slow.closed_reason == "slow"
    with pytest.raises(Closed):
        slow.take()
    assert len(broken.take()) == 1500
    hub.unsubscribe(good)
    assert hub.is_idle()


def test_idle_hub_skips_and_a_used_one_does_not() -> None:
    hub = Hub()
    assert hub.skip_to(7)
    mailbox = hub.subscribe(THINGS)
    assert not hub.skip_to(9)
    assert hub.position == 7
    hub.unsubscribe(mailbox)
    hub.unsubscribe(mailbox)
    assert hub.skip_to(9)
