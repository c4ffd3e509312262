"""Work that several workers share, and what a logical cluster holds."""

from __future__ import annotations

import pytest

from kcpcache.apimachinery.storage import Collection, Key
from tests.contract.reading import together
from tests.waiting import until
from workspaces.store import content, leases, work
from workspaces.store import objects as store
from workspaces.store.objects import IndexEntry
from workspaces.store.work import WorkItem

pytestmark = pytest.mark.usefixtures("database")


def test_two_workers_do_not_claim_the_same() -> None:
    for index in range(20):
        work.note("gc", "alpha", str(index))
    claimed = together(*[lambda: leases.claim(10, 60)] * 2)
    assert sorted(int(item.name) for items in claimed for item in items) == list(range(20))
    assert leases.claim(10, 60) == []


def test_lease_that_ends_gives_the_work_back() -> None:
    work.note("gc", "alpha", "a")
    assert leases.claim(1, 0.2) != []
    assert until(lambda: leases.claim(1, 60)) != []


def test_note_during_a_lease_is_due_at_once_and_outlives_done() -> None:
    work.note("gc", "alpha", "a")
    [item] = leases.claim(1, 60)
    work.note("gc", "alpha", "a")
    assert not work.done(item)
    assert [found.sequence for found in leases.claim(1, 60)] == [item.sequence + 1]


def test_postponed_work_is_due_later_without_counting_as_failed() -> None:
    work.note("gc", "alpha", "a")
    [item] = leases.claim(1, 60)
    leases.postpone(item, 0.2)
    assert work.due(1) == []
    [again] = until(lambda: work.due(1))
    assert again.attempts == 0


def key(cluster: str, resource: str, name: str, group: str = "", identity: str = "") -> Key:
    return Key(cluster, group, resource, identity, "", name)


def put(wanted: Key, uid: str, *indexes: IndexEntry) -> None:
    with store.writing([wanted]) as tx:
        tx.put(wanted, {"metadata": {"name": wanted.name, "uid": uid}}, indexes=indexes)


def test_collections_of_a_cluster_are_found_once_each() -> None:
    for name in ("a", "b"):
        put(key("alpha", "configmaps", name), f"1-{name}")
        put(key("alpha", "things", name, "example.com", "ff"), f"2-{name}")
        put(key("beta", "things", name, "example.com"), f"3-{name}")
    assert content.collections("alpha") == [
        Collection("alpha", "", "configmaps", ""),
        Collection("alpha", "example.com", "things", "ff"),
    ]
    assert list(content.clusters_with("example.com", "things")) == ["beta"]


def test_objects_are_found_by_uid_and_by_index_in_their_cluster_only() -> None:
    owned = key("alpha", "configmaps", "a")
    put(owned, "uid-a", IndexEntry("owner", "uid-b"))
    assert content.key_of("alpha", "uid-a") == owned
    assert content.key_of("beta", "uid-a") is None
    assert content.holders("owner", "uid-b", "alpha") == [owned]
    assert content.holders("owner", "uid-b", "beta") == []
    assert content.is_indexed("owner", "uid-b", "alpha")
    assert not content.is_indexed("owner", "uid-b", "beta")
    assert content.everywhere("owner", "uid-b", "", "configmaps") == [owned]
    assert content.everywhere("owner", "uid-b", "", "secrets") == []


def claimed_by_two() -> tuple[WorkItem, WorkItem]:
    """What a slow worker holds, and what was noted anew after a fast one had done it."""
    work.note("gc", "alpha", "a")
    [slow] = leases.claim(1, 60)
    work.note("gc", "alpha", "a")
    [fast] = leases.claim(1, 60)
    assert work.done(fast)
    work.note("gc", "alpha", "a")
    [new] = work.due(10)
    return slow, new


def test_slow_worker_does_not_end_what_was_noted_after_another_had_done_it() -> None:
    slow, new = claimed_by_two()
    assert (new.id > slow.id, new.sequence) == (True, slow.sequence)
    assert not work.done(slow)
    assert work.due(10) == [new]


def test_failure_of_a_slow_worker_leaves_a_later_note_alone() -> None:
    slow, new = claimed_by_two()
    work.failed(slow, "no luck", 60)
    assert work.due(10) == [new]


def test_slow_worker_does_not_postpone_a_later_note() -> None:
    slow, new = claimed_by_two()
    leases.postpone(slow, 60)
    assert work.due(10) == [new]


def test_worker_whose_lease_ended_does_not_end_what_another_postponed() -> None:
    work.note("gc", "alpha", "a")
    [late] = leases.claim(1, 0)
    [other] = until(lambda: leases.claim(1, 60))
    leases.postpone(other, 0)
    assert not work.done(late)
    assert until(lambda: work.due(10))
