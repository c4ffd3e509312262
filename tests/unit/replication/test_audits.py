"""Audits: one worker at a time, for some seconds, and every replica in its turn."""

from __future__ import annotations

import time

import pytest

from replication import rows
from replication.models import Replica
from replication.replica import audit, audits, connection, keys, lease, meta, server, sync
from tests.contract.harness import THINGS, key, thing
from tests.contract.replica import UID
from workspaces.models import Work
from workspaces.store import objects

UIDS = [UID, *(f"{number}" * 8 + UID[8:] for number in (3, 5, 7))]


@pytest.fixture
def audited(replica, monkeypatch):
    """The uids of four replicas in the order in which they were audited."""
    for uid in UIDS[1:]:
        rows.declare(uid, THINGS, f"things{uid[0]}", "v1", {})
        sync.sync(connection.client(), uid)
    found: list[str] = []
    monkeypatch.setattr(audit, "audit", lambda client, source, *, keep: found.append(source.uid))
    return found


def run():
    audits.run(connection.client(), "root")


def test_pass_that_is_cut_short_is_gone_on_with_by_the_next(audited, monkeypatch) -> None:
    monkeypatch.setattr(audits, "_PASS_SECONDS", -1.0)
    for _ in range(4):
        run()
    assert sorted(audited) == sorted(UIDS)
    first = audited[0]
    run()
    assert audited[4] == first


def test_pass_covers_every_replica_where_there_is_time(audited) -> None:
    run()
    assert sorted(audited) == sorted(UIDS)


def test_audit_that_never_ends_well_is_not_the_first_of_every_pass(audited, monkeypatch) -> None:
    def failing(client, source, *, keep):
        audited.append(source.uid)
        raise KeyboardInterrupt  # as a worker that is killed

    monkeypatch.setattr(audit, "audit", failing)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            run()
    assert len(set(audited)) == 2


def test_worker_whose_clock_is_ahead_does_not_put_off_the_next_audit(audited, monkeypatch) -> None:
    """Who waits longest is told by Redis' clock, whichever worker has audited."""
    with monkeypatch.context() as patch:
        real = time.time
        patch.setattr(time, "time", lambda: real() + 3600)
        patch.setattr(audits, "_PASS_SECONDS", -1.0)
        run()
    (first,) = audited
    audited.clear()
    run()
    (source,) = [source for source in rows.all_sources() if source.uid == first]
    score = connection.client().zscore(keys.audited("root"), source.uid)
    assert abs(score - server.now(connection.client())) < 60


def test_no_two_passes_run_at_once(audited) -> None:
    client = connection.client()
    with lease.guarded(client, keys.audit_guard("root")) as keep:
        assert keep is not None
        run()
        assert audited == []
    run()
    assert len(audited) == 4


def test_guard_of_another_is_not_given_up(replica) -> None:
    client, name = connection.client(), keys.audit_guard("root")
    with lease.guarded(client, name) as keep:
        assert keep is not None
        client.set(name, "theirs")
    assert client.get(name) == b"theirs"


def test_replica_that_is_gone_is_forgotten(audited) -> None:
    run()
    Replica.objects.filter(uid=UIDS[1]).delete()
    run()
    assert len(audited) == 7
    assert connection.client().zscore(keys.audited("root"), UIDS[1]) is None


def test_drift_found_after_a_fill_is_repaired(replica) -> None:
    with objects.writing([key("a")]) as transaction:
        transaction.put(key("a"), thing("a"))
    replica.follow()
    early, client = rows.find(UID), connection.client()
    rows.raise_epoch(early)
    client.hset(replica.family.objects(meta.read(client, replica.family).epoch), "a", "?")
    assert audit.audit(client, early) == ["a"]
    assert audit.audit(client, early) == []


def test_audit_that_only_moves_the_cursor_has_nobody_count(replica) -> None:
    with objects.writing([key("a")]) as transaction:
        transaction.put(key("a"), thing("a"))
    replica.follow()
    row = Replica.objects.get(uid=UID)
    present = meta.read(connection.client(), replica.family)
    rows.note_progress(UID, present.cursor, present.count, present.size_bytes)
    elsewhere = key("x", resource="others")
    with objects.writing([elsewhere]) as transaction:
        transaction.put(elsewhere, thing("x"))
    audit.audit(connection.client(), rows.find(UID))
    assert (
        Replica.objects.get(uid=UID).cursor
        == meta.read(connection.client(), replica.family).cursor
        > row.cursor
    )
    assert not Work.objects.filter(controller="cachedresource").exists()
