"""Fills: whole, fenced, and noticed to be needed."""

from __future__ import annotations

import threading

import pytest
from django.db import connections

from kcpcache.apimachinery.mailbox import Closed
from kcpcache.apimachinery.storage import ListOptions
from replication import rows
from replication.models import Replica
from replication.replica import connection, fill, meta, sweeping, sync, writer
from tests.contract.harness import CLUSTER, THINGS, key, thing
from tests.contract.replica import UID
from tests.waiting import until
from workspaces.store import compaction, objects, revisions


def put(*names, **spec):
    with objects.writing([key(name) for name in names]) as transaction:
        for name in names:
            transaction.put(key(name), thing(name, **spec))


def held(replica):
    now = meta.read(connection.client(), replica.family)
    assert now is not None
    return sorted(name.decode() for name in connection.client().hkeys(replica.family.objects(now.epoch)))


def all_keys():
    return sorted(name.decode() for name in connection.client().keys("kcpcache:{*"))


@pytest.mark.parametrize("loss", ["flushall", "meta", "objects", "index", "stream"])
def test_whatever_is_lost_is_filled_again(replica, loss) -> None:
    put("a", "b")
    replica.follow()
    now = meta.read(connection.client(), replica.family)
    lost = {
        "meta": replica.family.meta,
        "objects": replica.family.objects(now.epoch),
        "index": replica.family.index(now.epoch),
        "stream": replica.family.stream,
    }
    if loss == "flushall":
        connection.client().flushall()
    else:
        connection.client().delete(lost[loss])
    (health,) = meta.inspect(connection.client(), [replica.family])
    assert sync.needs_sync(rows.find(UID), health, 0)
    if loss == "stream":
        put("c")
    sync.sync(connection.client(), UID)
    (health,) = meta.inspect(connection.client(), [replica.family])
    assert health.is_whole
    assert held(replica)[:2] == ["a", "b"]


def test_redis_that_was_set_back_is_filled_again(replica) -> None:
    put("a")
    replica.follow()
    dumped = {name: connection.client().dump(name) for name in connection.client().keys("kcpcache:{*")}
    put("b")
    replica.follow()
    sweeping.sweep(connection.client(), "root")
    epoch = meta.read(connection.client(), replica.family).epoch
    connection.client().flushall()
    for name, value in dumped.items():
        connection.client().restore(name, 0, value)
    sync.sync(connection.client(), UID)
    now = meta.read(connection.client(), replica.family)
    assert (now.epoch, held(replica)) == (epoch + 1, ["a", "b"])


def test_database_that_was_set_back_gets_a_higher_epoch(replica) -> None:
    put("a")
    connection.client().hset(replica.family.meta, "epoch", 500)
    sync.sync(connection.client(), UID)
    assert meta.read(connection.client(), replica.family).epoch == 501
    assert Replica.objects.get(uid=UID).epoch == 501
    assert held(replica) == ["a"]


def test_log_compacted_behind_the_cursor_means_a_fill(replica) -> None:
    put("a")
    for size in range(5):
        put("b", size=size)
    compaction.compact(max_age_seconds=3600, max_rows=1)
    before = meta.read(connection.client(), replica.family)
    assert before.cursor < revisions.newest().compacted
    replica.follow()
    now = meta.read(connection.client(), replica.family)
    assert (now.epoch, now.compacted, held(replica)) == (before.epoch + 1, now.cursor, ["a", "b"])


def test_fill_under_concurrent_writes_misses_nothing(replica) -> None:
    names = [f"n{number:04d}" for number in range(1200)]
    put(*names)
    stopped = threading.Event()

    def write() -> None:
        step = 0
        while not stopped.is_set():
            put(names[step % 1200], f"new{step}", step=step)
            step += 1
        connections.close_all()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for _ in range(3):
            assert fill.fill(connection.client(), rows.find(UID), keep=lambda: None)
            replica.follow()
    finally:
        stopped.set()
        thread.join()
    replica.follow()
    from replication.management import verification

    report = verification.verify(connection.client(), Replica.objects.get(uid=UID), 0)
    assert (report.differences, report.count > 1200) == ([], True)


def test_fill_with_an_older_epoch_replaces_nothing(replica, monkeypatch) -> None:
    put("a")
    old, overtaken = rows.find(UID), []
    switch = fill._switch

    def late(client, source, epoch, *others):
        if not overtaken:
            overtaken.append(epoch)
            put("b")
            assert fill.fill(client, rows.find(UID), keep=lambda: None)
        return switch(client, source, epoch, *others)

    monkeypatch.setattr(fill, "_switch", late)
    assert not fill.fill(connection.client(), old, keep=lambda: None)
    now = meta.read(connection.client(), replica.family)
    assert (now.epoch, held(replica)) == (overtaken[0] + 1, ["a", "b"])
    assert not [name for name in all_keys() if f":{overtaken[0]}:" in name]


def test_two_fillers_do_not_take_the_same_epoch(replica) -> None:
    source = rows.find(UID)
    assert rows.raise_epoch(source) == source.epoch + 1
    assert rows.raise_epoch(source) is None


def test_fill_that_ends_after_the_deletion_leaves_nothing(replica, monkeypatch) -> None:
    put("a")
    switch = fill._switch

    def late(client, source, epoch, *others):
        rows.note_deletion(UID)
        writer.drop(client, source.family)
        rows.remove(UID)
        return switch(client, source, epoch, *others)

    monkeypatch.setattr(fill, "_switch", late)
    assert not fill.fill(connection.client(), rows.find(UID), keep=lambda: None)
    assert all_keys() == []


def test_fill_that_is_flushed_away_halfway_is_not_switched_to(replica, monkeypatch) -> None:
    put(*(f"n{number:04d}" for number in range(700)))
    write, pages = fill._write, []

    def flushing(client, *arguments):
        write(client, *arguments)
        if not pages:
            client.flushall()
        pages.append(1)

    monkeypatch.setattr(fill, "_write", flushing)
    assert not fill.fill(connection.client(), rows.find(UID), keep=lambda: None)
    assert all_keys() == []
    replica.follow()
    assert len(held(replica)) == 700


def test_fill_removes_older_generations(replica) -> None:
    put("a")
    for _ in range(3):
        assert fill.fill(connection.client(), rows.find(UID), keep=lambda: None)
    epoch = meta.read(connection.client(), replica.family).epoch
    assert {name.split(":")[2] for name in all_keys() if name.endswith((":objects", ":index"))} == {
        str(epoch)
    }


def test_another_source_means_a_fill(replica) -> None:
    put("a")
    replica.follow()
    other = key("x", identity="abc")
    with objects.writing([other]) as transaction:
        transaction.put(other, thing("x"))
    from dataclasses import replace

    rows.declare(UID, replace(THINGS, identity="abc"), "things", "v1", {})
    replica.follow()
    assert held(replica) == ["x"]


def test_orphans_are_dropped(replica) -> None:
    put("a")
    replica.follow()
    Replica.objects.all().delete()
    sweeping.drop_orphans(connection.client(), "root")
    assert all_keys() == []


@pytest.fixture
def killed(replica, monkeypatch):
    """A fill whose worker was killed after two of its writes; Redis was emptied after the first."""
    put(*(f"n{number:04d}" for number in range(1200)))
    write, pages = fill._write, []

    def dying(client, *arguments):
        if len(pages) == 2:
            raise SystemExit
        write(client, *arguments)
        if not pages:
            client.flushall()
        pages.append(1)

    with monkeypatch.context() as patch:
        patch.setattr(fill, "_write", dying)
        patch.setattr(fill, "_give_up", lambda *_: None)  # nobody is there to do it
        with pytest.raises(SystemExit):
            fill.fill(connection.client(), rows.find(UID), keep=lambda: None)
    assert [name for name in all_keys() if name.endswith(":objects")]
    return replica


def test_killed_fill_leaves_nothing_when_its_replica_is_deleted(killed) -> None:
    writer.drop(connection.client(), killed.family)
    assert all_keys() == []


def test_killed_fill_leaves_nothing_when_its_replica_is_gone(killed) -> None:
    connection.client().delete(killed.family.generations)  # whatever else happens to Redis
    Replica.objects.all().delete()
    sweeping.drop_orphans(connection.client(), "root")
    assert all_keys() == []


def test_late_keys_of_a_withdrawn_replica_are_dropped(killed) -> None:
    rows.note_deletion(UID)
    sweeping.drop_orphans(connection.client(), "root")
    assert all_keys() == []


def test_killed_fill_leaves_nothing_when_another_has_ended(killed) -> None:
    connection.client().delete(killed.family.generations)
    killed.follow()
    sweeping.drop_orphans(connection.client(), "root")
    epoch = meta.read(connection.client(), killed.family).epoch
    assert {name.split(":")[2] for name in all_keys() if name.endswith((":objects", ":index"))} == {
        str(epoch)
    }
    assert len(held(killed)) == 1200


def test_fill_that_is_under_way_is_no_orphan(replica, monkeypatch) -> None:
    put("a")
    replica.follow()
    switch = fill._switch

    def swept(client, *arguments):
        sweeping.drop_orphans(client, "root")
        return switch(client, *arguments)

    monkeypatch.setattr(fill, "_switch", swept)
    assert fill.fill(connection.client(), rows.find(UID), keep=lambda: None)
    assert held(replica) == ["a"]


def test_keys_of_no_family_stop_no_sweep(replica) -> None:
    client = connection.client()
    for name in ("kcpcache:{root/x}:meta", "kcpcache:{root/x/y/z}:1:objects", b"kcpcache:{root/x/\xff}:meta"):
        client.set(name, "1")
    put("a")
    replica.follow()
    Replica.objects.all().delete()
    sweeping.drop_orphans(client, "root")
    assert not client.exists(replica.family.meta)


def test_open_watch_ends_with_expired_when_the_cache_was_rebuilt(replica) -> None:
    replica.put(key("a"), thing("a"))
    feed = replica.storage(THINGS).watch(ListOptions(), with_initial=True)
    connection.client().flushall()
    put("b")
    replica.follow()
    until(lambda: feed.mailbox.closed_reason, what="the end of the watch")
    with pytest.raises(Closed) as caught:
        feed.mailbox.take()
    assert caught.value.reason == "expired"


def test_watch_goes_on_when_the_cache_was_rebuilt_and_nothing_had_happened(replica) -> None:
    replica.put(key("a"), thing("a"))
    storage = replica.storage(THINGS)
    feed = storage.watch(ListOptions(), with_initial=True)
    connection.client().flushall()
    replica.follow()
    last = replica.put(key("b"), thing("b"))
    seen = []
    until(lambda: seen.extend(feed.mailbox.take()) or [event.revision for event in seen] == [last])
    assert replica.view(CLUSTER).get("", "b").revision == last
