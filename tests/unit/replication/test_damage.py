"""Keys that somebody else wrote to: each is healed, and concerns no replica but its own."""

from __future__ import annotations

import pytest

from kcpcache.apimachinery import errors
from kcpcache.apimachinery.storage import ListOptions
from replication import rows
from replication.replica import audit, audits, connection, fill, keys, lease, meta, sweeping, sync, wake
from replication.replica.keys import Family
from tests.contract.harness import THINGS, key, thing
from tests.contract.replica import UID
from workspaces.store import objects, revisions

OTHER_UID = "66666666-2222-3333-4444-555555555555"


def put(name, **spec):
    with objects.writing([key(name)]) as transaction:
        transaction.put(key(name), thing(name, **spec))


def present(replica):
    found = meta.read(connection.client(), replica.family)
    assert found is not None
    return found


def names(replica):
    return sorted(connection.client().hkeys(replica.family.objects(present(replica).epoch)))


def spoil(replica, what):
    client, family = connection.client(), replica.family
    if what.startswith("epoch "):
        client.hset(family.meta, "epoch", what.removeprefix("epoch "))
        return
    epoch = present(replica).epoch
    spoilt = {
        "meta": family.meta,
        "stream": family.stream,
        "objects": family.objects(epoch),
        "index": family.index(epoch),
        "generations": family.generations,
        "wanted": family.wanted,
        "next objects": family.objects(epoch + 1),
    }[what]
    client.delete(spoilt)
    client.rpush(spoilt, "not ours")
    if what == "generations":
        client.delete(family.meta)


@pytest.fixture
def woken(monkeypatch):
    """The replicas that workers were woken for."""
    found: list[str] = []
    monkeypatch.setattr(wake, "wake", lambda family: found.append(family.uid))
    return found


def other():
    """A second replica of the same objects, filled."""
    row, _ = rows.declare(OTHER_UID, THINGS, "others", "v1", {})
    sync.sync(connection.client(), OTHER_UID)
    return Family(row.shard, row.cluster, row.uid)


KINDS = [
    "meta", "stream", "objects", "index", "generations", "wanted",
    "epoch x", "epoch 9e99", "epoch -3", "epoch " + "9" * 40,
]  # fmt: skip


@pytest.mark.parametrize("with_change", [False, True])
@pytest.mark.parametrize("what", KINDS)
def test_key_that_is_not_what_we_put_there_is_healed(replica, what, with_change) -> None:
    put("a")
    replica.follow()
    spoil(replica, what)
    if with_change:
        put("b")
    sync.sync(connection.client(), UID)
    (health,) = meta.inspect(connection.client(), [replica.family])
    assert health.is_whole
    assert names(replica) == ([b"a", b"b"] if with_change else [b"a"])


FOR_EVER = [("string", None), ("string", 365 * 24 * 3600), ("list", None)]


def hold(key, kind, seconds):
    """Put something in the place of a key that holds others off for a moment."""
    client = connection.client()
    client.delete(key)
    client.set(key, "not ours") if kind == "string" else client.rpush(key, "not ours")
    if seconds is not None:
        client.expire(key, seconds)


@pytest.mark.parametrize(("kind", "seconds"), FOR_EVER)
def test_lease_that_nobody_of_us_took_keeps_no_worker_out(replica, kind, seconds) -> None:
    put("a")
    hold(replica.family.lease, kind, seconds)
    assert lease.mark(connection.client(), replica.family), "no worker would come"
    sync.sync(connection.client(), UID)
    assert names(replica) == [b"a"]


@pytest.mark.parametrize(("kind", "seconds"), FOR_EVER)
def test_mark_that_nobody_of_us_left_keeps_no_hint_back(replica, kind, seconds) -> None:
    hold(replica.family.mark, kind, seconds)
    assert lease.mark(connection.client(), replica.family)
    assert not lease.mark(connection.client(), replica.family), "a hint is on its way by now"


@pytest.mark.parametrize(("kind", "seconds"), FOR_EVER)
def test_guard_that_nobody_of_us_set_stops_neither_audit_nor_sweep(replica, kind, seconds) -> None:
    put("a")
    replica.follow()
    client = connection.client()
    hold(keys.audit_guard("root"), kind, seconds)
    hold(keys.orphan_guard("root"), kind, seconds)
    client.hset(Family("root", "gone", "gone").objects(1), "x", "y")
    spoil(replica, "index")
    audits.run(client, "root")
    (health,) = meta.inspect(client, [replica.family])
    assert health.is_whole
    sweeping.sweep(client, "root")
    assert not client.exists(Family("root", "gone", "gone").objects(1))


def test_what_we_hold_ourselves_is_held(replica) -> None:
    client, family = connection.client(), replica.family
    assert lease.take(client, family.lease, "mine", lease.LEASE_MILLISECONDS)
    assert not lease.take(client, family.lease, "theirs", lease.LEASE_MILLISECONDS)
    assert not lease.mark(client, family), "who holds the lease looks at the mark"
    with (
        lease.guarded(client, keys.audit_guard("root")) as keep,
        lease.guarded(client, keys.audit_guard("root")) as other_keep,
    ):
        assert keep is not None and other_keep is None


def test_what_has_the_name_of_the_next_generation_is_taken_away(replica) -> None:
    put("a")
    replica.follow()
    spoil(replica, "next objects")
    assert fill.fill(connection.client(), rows.find(UID), lambda: None)
    assert names(replica) == [b"a"]


def test_meta_that_names_a_higher_epoch_and_little_else_is_filled_at_once(replica) -> None:
    put("a")
    replica.follow()
    connection.client().hset(replica.family.meta, mapping={"epoch": 900, "count": "many"})
    sync.sync(connection.client(), UID)
    assert (present(replica).epoch, names(replica)) == (901, [b"a"])


@pytest.mark.parametrize("what", KINDS)
def test_spoilt_replica_keeps_no_other_from_being_swept(replica, woken, what) -> None:
    put("a")
    replica.follow()
    family = other()
    spoil(replica, what)
    connection.client().delete(family.meta)
    sweeping.sweep(connection.client(), "root")
    assert set(woken) == ({OTHER_UID} if what == "wanted" else {UID, OTHER_UID})


def test_error_about_one_replica_keeps_no_other_from_being_swept(replica, woken, monkeypatch) -> None:
    other()
    judge = sync.needs_sync

    def failing(source, *others):
        if source.uid == UID:
            raise TypeError("what nobody thought of")
        judge(source, *others)
        return True

    monkeypatch.setattr(sync, "needs_sync", failing)
    sweeping.sweep(connection.client(), "root")
    assert woken == [OTHER_UID]


def test_error_about_one_replica_keeps_no_other_from_being_audited(replica, monkeypatch) -> None:
    put("a")
    replica.follow()
    family = other()
    tamper(family)
    find = audit._differing

    def failing(client, source, *others):
        if source.uid == UID:
            raise TypeError("what nobody thought of")
        return find(client, source, *others)

    monkeypatch.setattr(audit, "_differing", failing)
    audits.run(connection.client(), "root")
    assert audit.audit(connection.client(), rows.find(OTHER_UID)) == []
    assert rows.Replica.objects.get(uid=OTHER_UID).drifts == 1


def test_redis_that_is_away_ends_a_sweep(replica) -> None:
    away = connection.connect("unix:///nowhere/redis.sock", timeout_seconds=0.2)
    with pytest.raises(connection.Error):
        sweeping.sweep(away, "root")


def tamper(family):
    client = connection.client()
    bodies = family.objects(meta.read(client, family).epoch)
    client.hset(bodies, "a", client.hget(bodies, "a").replace(b'"spec":{}', b'"spec":{"x":1}'))


def test_repair_takes_a_revision_of_its_own(replica) -> None:
    put("a")
    replica.follow()
    tamper(replica.family)
    before = replica.storage(THINGS).list(ListOptions())
    assert audit.audit(connection.client(), rows.find(UID)) == ["a"]
    now = present(replica)
    assert now.compacted == now.cursor == revisions.newest().value > before.revision
    with pytest.raises(errors.Expired):
        replica.storage(THINGS).watch(ListOptions(revision=before.revision), with_initial=False)
    after = replica.storage(THINGS).list(ListOptions())
    assert after.revision > before.revision
    assert b'"x"' in before.records[0].body and b'"x"' not in after.records[0].body


def test_open_watch_of_a_repaired_replica_begins_again(replica) -> None:
    put("a")
    replica.follow()
    feed = replica.storage(THINGS).watch(ListOptions(), with_initial=True)
    tamper(replica.family)
    audit.audit(connection.client(), rows.find(UID))
    replica.mirrors.look()
    assert feed.mailbox.closed_reason == "expired"


@pytest.mark.parametrize("what", ["objects", "stream", "meta"])
def test_damage_is_repaired_at_a_revision_of_its_own(replica, what) -> None:
    put("a")
    replica.follow()
    before = present(replica).cursor
    spoil(replica, what)
    sync.sync(connection.client(), UID)
    assert present(replica).compacted > before


def test_replica_that_is_only_lost_is_filled_at_the_revision_it_had(replica) -> None:
    put("a")
    replica.follow()
    before = present(replica).cursor
    connection.client().flushall()
    sync.sync(connection.client(), UID)
    assert (present(replica).cursor, revisions.newest().value) == (before, before)


def test_repair_is_refused_at_a_revision_that_the_replica_has_come_to(replica, monkeypatch) -> None:
    put("a")
    replica.follow()
    monkeypatch.setattr(revisions, "reserve", lambda count: replica.follow())
    before = present(replica)
    assert not fill.fill(connection.client(), rows.find(UID), lambda: None, is_repair=True)
    assert present(replica) == before
    assert len(connection.client().keys("*:objects")) == 1
