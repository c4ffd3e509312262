"""What consumers read: their own cluster, never anything older than before, and never a part."""

from __future__ import annotations

import asyncio
import threading

import orjson
import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from kcpcache.apimachinery import errors
from kcpcache.apimachinery.storage import (
    BytesLister,
    Creator,
    Deleter,
    Getter,
    Lister,
    ListOptions,
    Updater,
    Watcher,
    verbs_of,
)
from replication import rows
from replication.models import Replica
from replication.replica import connection, meta, sync
from replication.replica.mirrors import Mirrors
from replication.replica.reader import ReplicaView
from tests.contract.harness import CLUSTER, THINGS, key, thing
from tests.contract.replica import UID, descriptor
from tests.waiting import until
from workspaces.store import objects, revisions


def put(name, **spec):
    with objects.writing([key(name)]) as transaction:
        pending = transaction.put(key(name), thing(name, **spec))
    return pending.record.revision


def joined(listed):
    return orjson.loads(b"[" + b"".join(listed.items) + b"]")


@pytest.fixture
def flushed(replica):
    """A replica whose Redis is empty, and no worker runs."""
    replica.put(key("a"), thing("a"))
    replica.view(CLUSTER).list(ListOptions())
    connection.client().flushall()
    replica.mirrors.look()
    return replica


def test_view_only_reads(replica) -> None:
    view = replica.view(CLUSTER)
    for interface in (Getter, Lister, BytesLister, Watcher):
        assert isinstance(view, interface)
    for interface in (Creator, Updater, Deleter):
        assert not isinstance(view, interface)
    assert verbs_of(view) == ("get", "list", "watch")


def test_each_consumer_reads_its_own_cluster(replica) -> None:
    replica.put(key("a"), thing("a"))
    replica.put(key("b"), thing("b"))
    for consumer in ("alice", "bob"):
        view = replica.view(consumer)
        listed = joined(view.list_bytes(ListOptions(), "example.io/v1"))
        assert [obj["metadata"]["name"] for obj in listed] == ["a", "b"]
        got = orjson.loads(view.get("", "a").body)
        for obj in (
            *listed,
            got,
            *(orjson.loads(record.body) for record in view.list(ListOptions()).records),
        ):
            assert obj["metadata"]["annotations"]["kcp.io/cluster"] == consumer


def test_bytes_of_a_list_are_those_of_its_records(replica) -> None:
    for number in range(300):
        put(f"n{number:03d}", text="x" * (number * 10))
    replica.follow()
    view = replica.view(CLUSTER)
    listed, page = view.list_bytes(ListOptions(), "example.io/v1"), view.list(ListOptions())
    assert b"".join(listed.items) == b",".join(record.body for record in page.records)
    assert listed.revision == page.revision


def test_etag_changes_with_revision_and_consumer(replica) -> None:
    def etag(consumer):
        replica.mirrors.look()
        return replica.view(consumer).list_bytes(ListOptions(), "example.io/v1").etag

    first = etag("alice")
    assert first == etag("alice") != etag("bob")
    replica.put(key("a"), thing("a"))
    assert etag("alice") != first


def test_reads_run_no_statement_while_the_cache_is_well(replica) -> None:
    replica.put(key("a"), thing("a"))
    view = replica.view(CLUSTER)
    view.list(ListOptions())
    with CaptureQueriesContext(database) as queries:
        replica.mirrors.look()
        assert view.is_nonblocking
        view.get("", "a")
        view.list(ListOptions())
        joined(view.list_bytes(ListOptions(), "example.io/v1"))
        view.watch(ListOptions(), with_initial=True).close()
    assert len(queries) == 0


def test_lost_cache_is_answered_from_the_database(flushed) -> None:
    newest = put("b", size=1)
    view = flushed.view("alice")
    assert not view.is_nonblocking
    page = view.list(ListOptions())
    assert (page.revision, [record.key.name for record in page.records]) == (newest, ["a", "b"])
    assert orjson.loads(view.get("", "b").body)["metadata"]["annotations"]["kcp.io/cluster"] == "alice"
    assert len(joined(view.list_bytes(ListOptions(), "example.io/v1"))) == 2
    with pytest.raises(errors.NotFound):
        view.get("", "c")


def test_database_answers_with_selected_objects_only(flushed) -> None:
    rows.declare(UID, THINGS, "things", "v1", {"matchLabels": {"tier": "gold"}})
    assert flushed.view("alice").list(ListOptions()).records == []
    with pytest.raises(errors.NotFound):
        flushed.view("alice").get("", "a")


def test_watch_of_a_lost_cache_is_refused_for_a_moment(flushed) -> None:
    with pytest.raises(errors.ServiceUnavailable) as caught:
        flushed.view("alice").watch(ListOptions(), with_initial=True)
    assert caught.value.retry_after_seconds == 1
    sync.sync(connection.client(), UID)
    flushed.view("alice").watch(ListOptions(), with_initial=True).close()


def test_nothing_older_is_served_after_the_database_answered(flushed) -> None:
    sync.sync(connection.client(), UID)
    stopped = meta.read(connection.client(), flushed.family).cursor
    connection.client().rename(flushed.family.meta, flushed.family.meta + "-away")
    flushed.mirrors.look()
    newest = put("b")
    assert flushed.view("alice").list(ListOptions()).revision == newest > stopped
    connection.client().rename(flushed.family.meta + "-away", flushed.family.meta)
    for _ in range(3):
        flushed.mirrors.look()
        assert flushed.view("alice").list(ListOptions()).revision >= newest
    sync.sync(connection.client(), UID)
    flushed.mirrors.look()
    view = flushed.view("alice")
    assert view.is_nonblocking
    assert view.list(ListOptions()).revision >= newest


def test_reader_of_a_lost_cache_asks_for_it_to_be_rebuilt(flushed) -> None:
    def asks() -> object:
        flushed.view("alice").list(ListOptions())
        return connection.client().exists(flushed.family.mark)

    until(asks, what="the mark, which a thread sets")


def test_redis_that_is_away_leaves_reads_as_they_were(replica, monkeypatch) -> None:
    replica.put(key("a"), thing("a"))
    view = replica.view("alice")
    view.list(ListOptions())
    away = connection.connect("unix:///nowhere/redis.sock", timeout_seconds=0.2)
    with monkeypatch.context() as patch:
        patch.setattr(connection, "hasty_client", lambda: away)
        replica.mirrors.look()
        assert view.is_nonblocking
        assert [record.key.name for record in view.list(ListOptions()).records] == ["a"]
        assert view.stale_seconds >= 0
        unloaded = ReplicaView(replica.family, descriptor(), lambda: ("alice",), registry=Mirrors())
        assert [record.key.name for record in unloaded.list(ListOptions()).records] == ["a"]


def test_replica_that_is_gone_is_not_found(replica) -> None:
    replica.put(key("a"), thing("a"))
    feed = replica.storage(THINGS).watch(ListOptions(), with_initial=True)
    Replica.objects.all().delete()
    connection.client().flushall()
    until(lambda: feed.mailbox.closed_reason == "gone", what="the end of the watch")
    with pytest.raises(errors.NotFound):
        replica.view("alice").list(ListOptions())


def test_read_of_a_store_revision_that_does_not_concern_the_replica_is_answered(replica) -> None:
    replica.put(key("a"), thing("a"))
    other = key("x", resource="others")
    with objects.writing([other]) as transaction:
        transaction.put(other, thing("x"))
    newest = revisions.newest().value
    view = replica.view("alice")
    assert not view.answers_now(ListOptions(revision=newest))

    def work() -> None:
        until(lambda: connection.client().exists(replica.family.mark))
        sync.sync(connection.client(), UID)
        from django.db import connections

        connections.close_all()

    worker = threading.Thread(target=work)
    worker.start()
    page = view.list(ListOptions(revision=newest))
    worker.join()
    assert (page.revision, len(page.records)) == (newest, 1)


def test_cursor_does_not_move_for_changes_of_others(replica) -> None:
    before = meta.read(connection.client(), replica.family)
    other = key("x", resource="others")
    with objects.writing([other]) as transaction:
        transaction.put(other, thing("x"))
    sync.sync(connection.client(), UID)
    assert meta.read(connection.client(), replica.family) == before


def test_wildcard_holds_each_object_once_a_consumer(replica) -> None:
    for name in ("b", "a"):
        replica.put(key(name), thing(name))
    view = replica.view("c1", "c2", "c3")
    page = view.list(ListOptions())
    places = [(record.key.cluster, record.key.name) for record in page.records]
    assert places == [(cluster, name) for cluster in ("c1", "c2", "c3") for name in ("a", "b")]
    assert [
        obj["metadata"]["annotations"]["kcp.io/cluster"] for obj in joined(view.list_bytes(ListOptions(), ""))
    ] == [cluster for cluster, _ in places]
    with pytest.raises(errors.BadRequest):
        view.get("", "a")


@pytest.mark.parametrize("consumers", [("c1",), ("c1", "c2", "c3")])
@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 100])
@pytest.mark.parametrize("keeps", [None, lambda record: record.key.name != "n2", lambda record: False])
def test_pages_of_bytes_are_those_of_records(replica, consumers, limit, keeps) -> None:
    for number in range(4):
        replica.put(key(f"n{number}"), thing(f"n{number}"))
    view = replica.view(*consumers)
    start_after, pages = None, 0
    while pages == 0 or start_after is not None:
        options = ListOptions(limit=limit, start_after=start_after, matches=keeps)
        page, listed = view.list(options), view.list_bytes(options, "example.io/v1")
        assert b"".join(listed.items) == b",".join(record.body for record in page.records)
        assert (listed.revision, listed.next_start, listed.remaining) == (
            page.revision,
            page.next_start,
            page.remaining,
        )
        start_after, pages = page.next_start, pages + 1
        assert not listed.etag
    assert pages <= 13


def test_bytes_of_an_older_revision_are_those_of_then(replica) -> None:
    replica.put(key("a"), thing("a"))
    then = replica.view("alice").list(ListOptions()).revision
    replica.put(key("b"), thing("b"))
    view = replica.view("alice")
    for limit in (0, 1):
        listed = view.list_bytes(ListOptions(revision=then, exact=True, limit=limit), "example.io/v1")
        assert ([obj["metadata"]["name"] for obj in joined(listed)], listed.revision) == (["a"], then)


def test_wildcard_pages_go_on_where_they_ended(replica) -> None:
    for number in range(5):
        replica.put(key(f"n{number}"), thing(f"n{number}"))
    view = replica.view("c1", "c2")
    whole = view.list(ListOptions())
    found, left, start = [], [], None
    while True:
        page = view.list(ListOptions(limit=3, start_after=start, revision=whole.revision, exact=True))
        found += page.records
        left.append(page.remaining)
        start = page.next_start
        if start is None:
            break
    assert [record.body for record in found] == [record.body for record in whole.records]
    assert left == [7, 4, 1, None]


def test_wildcard_events_of_one_revision_come_together(replica) -> None:
    begin = replica.put(key("a"), thing("a"))
    view = replica.view("c1", "c2")
    feed = view.watch(ListOptions(), with_initial=True)
    last = replica.put(key("b"), thing("b"))
    taken = []
    until(lambda: taken.extend([feed.mailbox.take()]) or any(taken), what="the events")
    events = next(batch for batch in taken if batch)
    assert [(event.revision, event.key.cluster) for event in events] == [(last, "c1"), (last, "c2")]
    resumed = view.watch(ListOptions(revision=begin), with_initial=False)
    assert [(event.revision, event.key.cluster) for event in resumed.history] == [(last, "c1"), (last, "c2")]
    feed.close()
    resumed.close()


def test_events_are_made_once_for_all_watchers_of_a_consumer(replica) -> None:
    feeds = [replica.storage(THINGS).watch(ListOptions(), with_initial=False) for _ in range(3)]
    replica.put(key("a"), thing("a"))
    taken: dict[int, list] = {number: [] for number in range(3)}
    for number, feed in enumerate(feeds):
        until(lambda number=number, feed=feed: taken[number].extend(feed.mailbox.take()) or taken[number])
        feed.close()
    assert taken[0][0] is taken[1][0] is taken[2][0]


def test_list_that_is_being_read_does_not_change(replica) -> None:
    for number in range(50):
        put(f"n{number:02d}", text="x" * 20_000)
    replica.follow()
    replica.mirrors.look()
    pieces = iter(replica.view(CLUSTER).list_bytes(ListOptions(), "").items)
    begun = [next(pieces)]
    for number in range(50):
        with objects.writing([key(f"n{number:02d}")]) as transaction:
            transaction.delete(key(f"n{number:02d}"))
    replica.follow()
    replica.mirrors.look()
    assert replica.view(CLUSTER).list(ListOptions()).records == []
    assert len(orjson.loads(b"[" + b"".join([*begun, *pieces]) + b"]")) == 50


def test_selection_with_a_key_is_remembered_until_something_changes(replica) -> None:
    for number in range(4):
        replica.put(key(f"n{number}"), thing(f"n{number}", labels={"odd": str(number % 2)}))

    class Odd:
        key = "odd=1"
        asked = 0

        def __call__(self, record):
            Odd.asked += 1
            return record.labels["odd"] == "1"

    def listed():
        replica.mirrors.look()
        return [record.key.name for record in replica.view("alice").list(ListOptions(matches=Odd())).records]

    assert listed() == listed() == ["n1", "n3"]
    assert Odd.asked == 4
    replica.put(key("n0"), thing("n0", labels={"odd": "1"}))
    assert listed() == ["n0", "n1", "n3"]


def test_requests_of_one_moment_share_a_look_at_redis(replica, monkeypatch) -> None:
    replica.put(key("a"), thing("a"))
    replica.view("alice").list(ListOptions())
    looks = []
    look = replica.mirrors.look
    monkeypatch.setattr(
        replica.mirrors, "look", lambda: looks.append(threading.current_thread().name) or look()
    )

    async def requests() -> None:
        await asyncio.gather(*(replica.mirrors.refresh() for _ in range(50)))

    asyncio.run(requests())
    assert 1 <= len([thread for thread in looks if thread.startswith("replica-refresh")]) <= 2


def test_request_sees_what_was_applied_before_it_began(replica) -> None:
    replica.view("alice").list(ListOptions())

    async def request(name: str) -> None:
        await replica.mirrors.refresh()
        view = replica.view("alice")
        assert view.is_nonblocking
        view.get("", name)

    async def requests() -> None:
        for number in range(20):
            await asyncio.to_thread(replica.put, key(f"n{number}"), thing(f"n{number}"))
            await asyncio.gather(*(request(f"n{number}") for _ in range(5)))

    asyncio.run(requests())
