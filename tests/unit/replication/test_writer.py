"""Batches: atomic, fenced, bounded, and exact in what they count."""

from __future__ import annotations

import pytest
from django.test import override_settings

from kcpcache.apimachinery import errors
from kcpcache.apimachinery.storage import ListOptions
from replication.replica import body, connection, meta, scripts, sync, writer
from replication.replica.writer import Batch, Entry
from tests.contract.harness import CLUSTER, key, thing
from tests.contract.replica import UID
from workspaces.store import objects


def present(replica):
    found = meta.read(connection.client(), replica.family)
    assert found is not None
    return found


def batch(replica, entries=(), **parts):
    now = present(replica)
    fields = {
        "start": now.cursor,
        "end": now.cursor + 10,
        "epoch": now.epoch,
        "selection": now.selection,
        "entries": entries,
    }
    return Batch(**{**fields, **parts})


def raw(replica):
    now = present(replica)
    return connection.client().hgetall(replica.family.objects(now.epoch))


def entries_of(replica):
    found = connection.client().xrange(replica.family.stream)
    return [
        (int(number.split(b"-")[0]), fields[b"t"].decode(), fields[b"k"].decode()) for number, fields in found
    ]


def assert_counts_are_exact(replica):
    found, now = raw(replica), present(replica)
    assert now.count == len(found)
    assert now.size_bytes == sum(len(name) + len(value) for name, value in found.items())
    assert now.checksum == sum(body.digest(name.decode(), value) for name, value in found.items()) % 2**48
    assert connection.client().zrange(replica.family.index(now.epoch), 0, -1) == sorted(found)
    assert now.entries == connection.client().xlen(replica.family.stream)


@pytest.mark.parametrize(
    ("changed", "answer"),
    [
        ({"start": 0}, "cursor"),
        ({"epoch": 0}, "epoch"),
        ({"epoch": 99}, "epoch"),
        ({"selection": 7}, "selection"),
    ],
)
def test_batch_of_another_state_changes_nothing(replica, changed, answer) -> None:
    replica.put(key("a"), thing("a"))
    before, objects_before = present(replica), raw(replica)
    late = batch(replica, [Entry(before.cursor + 1, "b", b"{}")], **changed)
    assert writer.apply(connection.client(), replica.family, late) == answer
    assert (present(replica), raw(replica)) == (before, objects_before)


def test_worker_that_wakes_up_late_is_refused(replica) -> None:
    prepared = batch(replica, [Entry(present(replica).cursor + 1, "old", b"{}")])
    replica.put(key("a"), thing("a"))
    assert writer.apply(connection.client(), replica.family, prepared) == "cursor"
    assert list(raw(replica)) == [b"a"]


def test_batch_onto_nothing_is_refused(replica) -> None:
    prepared = batch(replica)
    connection.client().flushall()
    assert writer.apply(connection.client(), replica.family, prepared) == "missing"
    assert connection.client().keys("kcpcache:{*") == []


@pytest.mark.parametrize("evicted", ["objects", "index", "stream"])
def test_batch_onto_an_evicted_key_is_refused(replica, evicted) -> None:
    replica.put(key("a"), thing("a"))
    epoch = present(replica).epoch
    gone = {
        "objects": replica.family.objects(epoch),
        "index": replica.family.index(epoch),
        "stream": replica.family.stream,
    }
    connection.client().delete(gone[evicted])
    assert writer.apply(connection.client(), replica.family, batch(replica)) == "damaged"


def test_scripts_are_loaded_again_when_redis_forgot_them(replica) -> None:
    connection.client().script_flush()
    replica.put(key("a"), thing("a"))
    assert list(raw(replica)) == [b"a"]


def test_types_follow_membership_in_the_replica(replica) -> None:
    replica.put(key("a"), thing("a"))
    start = present(replica).cursor
    entries = [
        Entry(start + 1, "a", b'{"v":1}'),
        Entry(start + 2, "b", b'{"v":2}'),
        Entry(start + 3, "b", b'{"v":3}', leaves=True),
        Entry(start + 4, "b", b'{"v":4}', leaves=True),
        Entry(start + 5, "b", b'{"v":5}'),
    ]
    assert writer.apply(connection.client(), replica.family, batch(replica, entries)) == "applied"
    assert entries_of(replica)[1:] == [
        (start + 1, "M", "a"),
        (start + 2, "A", "b"),
        (start + 3, "D", "b"),
        (start + 5, "A", "b"),
    ]
    assert raw(replica) == {b"a": b'{"v":1}', b"b": b'{"v":5}'}
    assert_counts_are_exact(replica)


def test_object_deleted_and_recreated_in_one_batch(replica) -> None:
    replica.put(key("a"), thing("a", size=1))
    begin = present(replica).cursor
    for change in ("delete", "put"):
        with objects.writing([key("a")]) as transaction:
            if change == "put":
                transaction.put(key("a"), thing("a", size=2))
            else:
                transaction.delete(key("a"))
    replica.follow()
    assert [entry[1:] for entry in entries_of(replica) if entry[0] > begin] == [("D", "a"), ("A", "a")]
    assert_counts_are_exact(replica)


def test_many_changes_take_many_batches(replica) -> None:
    names = [f"n{number:04d}" for number in range(1203)]
    with objects.writing([key(name) for name in names]) as transaction:
        for name in names:
            transaction.put(key(name), thing(name))
    replica.follow()
    assert present(replica).count == 1203
    assert [name for _, _, name in entries_of(replica)] == names
    assert_counts_are_exact(replica)


def test_batches_are_bounded_by_objects_and_bytes() -> None:
    small = [Entry(number, "n", b"x") for number in range(1001)]
    assert [len(part) for part in writer.bounded(small)] == [500, 500, 1]
    large = [Entry(number, "n", b"x" * 1_500_000) for number in range(5)]
    assert [len(part) for part in writer.bounded(large)] == [2, 2, 1]
    assert [len(part) for part in writer.bounded([Entry(1, "n", b"x" * 9_000_000)])] == [1]


def test_trimming_moves_the_compacted_revision(replica) -> None:
    with override_settings(KCPCACHE_STREAM_BYTES=2000):
        revisions = [replica.put(key("a"), thing("a", text="x" * 200, size=size)) for size in range(10)]
    now, entries = present(replica), entries_of(replica)
    assert now.compacted in revisions
    assert entries[0][0] == next(revision for revision in revisions if revision > now.compacted)
    assert now.stream_bytes <= 2000
    assert_counts_are_exact(replica)
    replica._begin_anew()
    storage = replica.storage(key("a"))
    for read in (
        lambda: storage.watch(ListOptions(revision=now.compacted - 1), with_initial=False),
        lambda: storage.list(ListOptions(revision=now.compacted - 1, exact=True)),
    ):
        with pytest.raises(errors.Expired):
            read()
    feed = storage.watch(ListOptions(revision=now.compacted), with_initial=False)
    assert [event.revision for event in feed.history] == [entry[0] for entry in entries]


def test_old_entries_are_trimmed_by_age(replica) -> None:
    replica.put(key("a"), thing("a"))
    with override_settings(KCPCACHE_STREAM_SECONDS=-1):
        last = replica.put(key("a"), thing("a", size=2))
    assert entries_of(replica) == []
    assert present(replica).compacted == last
    assert_counts_are_exact(replica)


def test_drop_leaves_nothing(replica) -> None:
    replica.put(key("a"), thing("a"))
    sync.sync(connection.client(), UID)
    connection.client().set(replica.family.wanted, 1)
    connection.client().sadd(replica.family.generations, 77)
    connection.client().hset(replica.family.objects(77), "a", "b")
    writer.drop(connection.client(), replica.family)
    assert connection.client().keys("*") == []


def test_every_key_of_a_family_shares_its_hash_tag(replica) -> None:
    replica.put(key("a"), thing("a"))
    tags = {name.decode().split("{")[1].split("}")[0] for name in connection.client().keys("kcpcache:{*")}
    assert tags == {f"root/{CLUSTER}/{UID}"}


def test_scripts_are_one_set_a_client() -> None:
    assert scripts.of(connection.client()) is scripts.of(connection.client())
