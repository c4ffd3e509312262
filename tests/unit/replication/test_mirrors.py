"""The mirrors of a process, when Redis, or one key of it, is not as it should be."""

from __future__ import annotations

import contextlib
import time

import pytest
from django.conf import settings
from django.test import override_settings

from kcpcache.apimachinery import errors
from kcpcache.apimachinery.mailbox import Closed
from kcpcache.apimachinery.storage import Collection, ListOptions
from replication import rows
from replication.replica import connection, fill, follower, meta, mirror, sync
from replication.replica.keys import Family
from replication.replica.mirrors import Mirrors
from replication.replica.reader import ReplicaView
from replication.replica.wildcards import Wildcards
from tests.contract.harness import CLUSTER, GROUP, key, thing
from tests.contract.replica import UID, descriptor
from tests.unit.replication.test_fanout import mailbox

OTHER_UID = "99999999-2222-3333-4444-555555555555"


class Process:
    """A web process without a listener: it sees of Redis what it looks at."""

    def __init__(self, family: Family) -> None:
        self.mirrors = Mirrors()
        self.family = family

    def view(self) -> ReplicaView:
        return ReplicaView(self.family, descriptor(), lambda: (CLUSTER,), registry=self.mirrors)

    @property
    def mirror(self) -> mirror.Mirror:
        return self.mirrors.of(self.family)

    def listed(self) -> list[str]:
        return [record.key.name for record in self.view().list(ListOptions()).records]

    def watch(self, revision=None):
        return self.view().watch(ListOptions(revision=revision), with_initial=revision is None)


@pytest.fixture
def process(replica):
    """A process that has read the replica, which holds one object."""
    replica.put(key("a"), thing("a"))
    made = Process(replica.family)
    assert made.listed() == ["a"]
    return made


@pytest.fixture
def other(replica):
    """Another replica, and a process's reads of it."""
    collection = Collection(CLUSTER, GROUP, "others")
    row, _ = rows.declare(OTHER_UID, collection, "others", "v1", {})
    sync.sync(connection.client(), OTHER_UID, to_end=True)
    return Family(row.shard, row.cluster, row.uid)


def away():
    return connection.connect("unix:///nowhere/redis.sock", timeout_seconds=0.2)


def events_of(box):
    """What waits in a mailbox."""
    found = []
    with contextlib.suppress(Closed):
        while part := box.take():
            found += part
    return [(event.type, event.key.name) for event in found]


def test_repair_at_an_unchanged_revision_ends_watches_and_resumptions(replica, process) -> None:
    client = connection.client()
    present = meta.read(client, replica.family)
    right = client.hget(replica.family.objects(present.epoch), "a")
    client.hset(replica.family.objects(present.epoch), "a", right.replace(b"Thing", b"Wrong"))
    misled, well = Process(replica.family), process
    feed, wrong = misled.watch(), misled.view().get("", "a")
    kept = well.watch()
    assert b"Wrong" in wrong.body
    assert fill.fill(client, rows.find(UID), lambda: None, present.epoch)
    assert meta.read(client, replica.family).cursor == misled.mirror.revision  # or this tests nothing
    misled.mirrors.look()
    well.mirrors.look()
    assert feed.mailbox.closed_reason == "expired"
    assert not kept.mailbox.closed_reason
    assert b"Thing" in misled.view().get("", "a").body
    with pytest.raises(errors.Expired):
        misled.watch(misled.mirror.revision)
    with pytest.raises(errors.Expired):
        follower.extend_history(client, misled.mirror, misled.mirror.revision)
    well.watch(well.mirror.revision).close()


def test_refused_resumption_asks_that_the_replica_moves_on(replica, process) -> None:
    client = connection.client()
    process.mirror.oldest = process.mirror.revision + 1
    with pytest.raises(errors.Expired):
        process.watch(process.mirror.revision)
    assert int(client.get(replica.family.wanted)) == process.mirror.oldest


def test_lost_stream_does_not_pass_for_changes_that_never_were(replica, process) -> None:
    feed = process.watch()
    replica.put(key("b"), thing("b"))
    connection.client().delete(replica.family.stream)
    process.mirrors.look()
    assert not process.mirror.serves
    assert process.listed() == ["a", "b"]  # the database answers
    replica.follow()
    process.mirrors.look()
    assert process.mirror.serves
    assert process.listed() == ["a", "b"]
    assert feed.mailbox.closed_reason == "expired"
    assert events_of(feed.mailbox) == []


def test_resumption_behind_a_lost_stream_is_expired(replica, process) -> None:
    begin = process.mirror.revision
    replica.put(key("b"), thing("b"))
    fresh = Process(replica.family)
    assert fresh.listed() == ["a", "b"]
    resumed = fresh.watch(begin)
    assert [event.key.name for event in resumed.history] == ["b"]
    fresh = Process(replica.family)
    fresh.listed()
    connection.client().delete(replica.family.stream)
    with pytest.raises(errors.Expired):
        fresh.watch(begin)


def test_part_of_a_stream_is_a_lost_stream(replica, process) -> None:
    revision = replica.put(key("b"), thing("b"))
    replica.put(key("c"), thing("c"))
    connection.client().xdel(replica.family.stream, f"{revision}-0")
    process.mirrors.look()
    assert not process.mirror.serves


def test_entry_that_is_none_of_ours_is_a_lost_stream(replica, process) -> None:
    revision = replica.put(key("b"), thing("b"))
    client = connection.client()
    client.xdel(replica.family.stream, f"{revision}-0")
    client.xadd(replica.family.stream, {"x": "y"})
    process.mirrors.look()
    assert not process.mirror.serves
    assert process.listed() == ["a", "b"]


@pytest.mark.parametrize("broken", ["meta", "stream"])
def test_key_of_a_wrong_type_concerns_no_mirror_but_its_own(replica, process, other, broken) -> None:
    beside = ReplicaView(other, descriptor(), lambda: (CLUSTER,), registry=process.mirrors)
    assert beside.list(ListOptions()).records == []
    client = connection.client()
    replica.put(key("b"), thing("b"))
    client.delete(getattr(replica.family, broken))
    client.set(getattr(replica.family, broken), "foo")
    sync.sync(client, OTHER_UID, to_end=True)
    newest = meta.read(client, other).cursor
    process.mirrors.look()
    assert process.mirrors.of(other).revision == newest
    assert beside.is_nonblocking
    assert process.mirrors.of(other).stale_seconds < 5
    assert not process.mirror.serves
    assert process.listed() == ["a", "b"]
    assert not process.mirrors._deaf_until


def test_number_that_is_none_concerns_no_mirror_but_its_own(replica, process, other) -> None:
    beside = ReplicaView(other, descriptor(), lambda: (CLUSTER,), registry=process.mirrors)
    beside.list(ListOptions())
    connection.client().hset(replica.family.meta, "epoch", "many")
    process.mirrors.look()
    assert beside.is_nonblocking
    assert not process.mirror.serves


def test_server_that_refuses_everything_leaves_reads_as_they_were(process, monkeypatch) -> None:
    client = connection.client()
    client.execute_command("ACL", "SETUSER", "powerless", "on", ">none", "~*", "-@all")
    url = f"{settings.KCPCACHE_REDIS_URL}&username=powerless&password=none"
    try:
        with (
            contextlib.closing(connection.connect(url, timeout_seconds=1)) as powerless,
            monkeypatch.context() as patch,
        ):
            patch.setattr(connection, "hasty_client", lambda: powerless)
            process.mirrors.look()
    finally:
        client.execute_command("ACL", "DELUSER", "powerless")
    assert process.mirrors._deaf_until
    assert process.mirror.serves
    assert process.listed() == ["a"]


def test_watch_that_was_opened_while_redis_was_away_is_fed(replica, process, monkeypatch) -> None:
    process.mirror.used_at -= 3600
    process.mirrors.look()
    assert not process.mirror.is_followed
    with monkeypatch.context() as patch:
        patch.setattr(connection, "hasty_client", away)
        feed = process.watch()
    assert not process.mirror.is_followed
    replica.put(key("b"), thing("b"))
    process.mirrors.look(is_patient=True)
    assert events_of(feed.mailbox) == [("ADDED", "b")]
    feed.close()


def test_mirror_that_nobody_uses_is_not_looked_at(replica, process) -> None:
    feed = process.watch()
    feed.close()
    process.mirror.used_at = time.monotonic() - 3600
    uid = process.family.uid
    process.mirrors.look()
    before = process.mirrors._by_uid[uid].revision
    replica.put(key("b"), thing("b"))
    process.mirrors.look(is_patient=True)
    assert process.mirrors._by_uid[uid].revision == before


def test_watch_that_is_opened_while_its_mirror_is_given_up_ends(process, monkeypatch) -> None:
    feed, given_up = process.watch(), process.mirror
    monkeypatch.setattr(given_up.fanout, "is_idle", lambda: True)  # as it was a moment before the watch
    with override_settings(KCPCACHE_MIRROR_BYTES=0):
        process.mirrors.make_room()
    assert not process.mirrors.holds(given_up)
    assert feed.mailbox.closed_reason == "expired"


def test_mirror_that_is_watched_is_not_given_up(process) -> None:
    feed = process.watch()
    with override_settings(KCPCACHE_MIRROR_BYTES=0):
        process.mirrors.make_room()
    assert process.mirrors.holds(process.mirror)
    assert not feed.mailbox.closed_reason


def test_remembered_changes_count_when_room_is_made(replica, process) -> None:
    for size in range(10):
        replica.put(key("a"), thing("a", text="x" * 1000, size=size))
    process.mirrors.look()
    held = process.mirror
    with override_settings(KCPCACHE_MIRROR_BYTES=30_000):
        process.mirrors.make_room()
        assert process.mirrors.holds(held)
    with override_settings(KCPCACHE_MIRROR_BYTES=10_000):  # the object alone would fit
        process.mirrors.make_room()
        assert not process.mirrors.holds(held)


def test_history_has_no_hole_when_the_log_moves_on_while_it_is_read(replica, process, monkeypatch) -> None:
    monkeypatch.setattr(mirror, "_LOG_ENTRIES", 2)
    begin = process.mirror.revision
    expected = [replica.put(key("a"), thing("a", size=size)) for size in range(3)]
    process.mirrors.look()
    read = follower._history

    def interrupted(*arguments):
        found = read(*arguments)
        if len(expected) < 8:
            expected.extend(replica.put(key("a"), thing("a", size=10 + size)) for size in range(5))
            process.mirrors.look()
        return found

    monkeypatch.setattr(follower, "_history", interrupted)
    feed = process.watch(begin)
    assert [event.revision for event in feed.history] == expected
    feed.close()


def test_history_of_a_former_fill_is_not_remembered(replica, process, monkeypatch) -> None:
    begin = process.mirror.revision
    replica.put(key("b"), thing("b"))
    fresh = Process(replica.family)
    fresh.listed()
    read = follower._history

    def interrupted(*arguments):
        found = read(*arguments)
        present = meta.read(connection.client(), replica.family)
        assert fill.fill(connection.client(), rows.find(UID), lambda: None, present.epoch)
        fresh.mirrors.look()
        return found

    monkeypatch.setattr(follower, "_history", interrupted)
    with pytest.raises(errors.Expired):
        fresh.watch(begin)


def test_wildcard_watch_that_comes_while_others_are_asked_is_asked_too(replica) -> None:
    wildcards, late = Wildcards(), mailbox("c1")

    def asked():
        wildcards.add(late, lambda: ("c1", "c2"), ("c1",))  # opened when there was one consumer
        return ("c1",)

    wildcards.add(mailbox("c1"), asked, ("c1",))
    assert wildcards.check() == []
    assert wildcards.check() == [late]
