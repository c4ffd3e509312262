"""Watches through claims, over a store in memory."""

from __future__ import annotations

import pytest

from kcpcache.apimachinery import labels, objects
from kcpcache.apimachinery.mailbox import Closed
from kcpcache.apimachinery.memory import MemoryStore
from kcpcache.apimachinery.storage import Collection, Event, Feed, Key, ListOptions
from workspaces.virtual.claimed import ClaimedEverywhere

ALICE, BOB, EVE = "alice0", "bob0", "eve0"
GOLD = labels.parse("tier=gold")


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def key(cluster: str, name: str) -> Key:
    return Key(cluster, "", "configmaps", "", "default", name)


def put(store: MemoryStore, cluster: str, name: str, **labels: str) -> None:
    store.put(key(cluster, name), {"metadata": {"name": name, "labels": labels}})


def watched(store: MemoryStore, revision: int | None = None) -> Feed:
    reads = store.collection(Collection("*", "", "configmaps"))
    storage = ClaimedEverywhere(reads, {}, {ALICE: labels.EVERYTHING, BOB: GOLD})
    return storage.watch(ListOptions(revision=revision), with_initial=False)


def told(events: list[Event]) -> list[tuple[str, str, str]]:
    return [(event.type, event.key.cluster, event.key.name) for event in events]


def test_others_are_neither_in_the_beginning_nor_in_the_events(store: MemoryStore) -> None:
    for cluster in (ALICE, BOB, EVE):
        put(store, cluster, "early")
    feed = watched(store)
    assert [record.key.cluster for record in feed.initial] == [ALICE]
    for cluster in (ALICE, BOB, EVE):
        put(store, cluster, "late")
        store.delete(key(cluster, "early"))
    assert told(feed.mailbox.take()) == [("ADDED", ALICE, "late"), ("DELETED", ALICE, "early")]


def test_object_that_enters_and_leaves_the_selection_is_added_and_deleted(store: MemoryStore) -> None:
    feed = watched(store)
    put(store, BOB, "moving")
    put(store, BOB, "moving", tier="gold")
    put(store, BOB, "moving", tier="gold", more="yes")
    put(store, BOB, "moving", tier="iron")
    put(store, BOB, "moving", tier="iron", more="yes")
    store.delete(key(BOB, "moving"))
    events = feed.mailbox.take()
    assert told(events) == [(seen, BOB, "moving") for seen in ("ADDED", "MODIFIED", "DELETED")]
    assert events[0].previous is None
    last = objects.metadata(objects.decode(events[2].body))
    assert last["labels"] == {"tier": "gold", "more": "yes"}
    assert last["resourceVersion"] == str(events[2].revision)


def test_history_is_selected_as_well(store: MemoryStore) -> None:
    begin = store.revision
    put(store, EVE, "hers")
    put(store, BOB, "his", tier="gold")
    put(store, BOB, "his")
    feed = watched(store, begin)
    assert told(list(feed.history)) == [("ADDED", BOB, "his"), ("DELETED", BOB, "his")]


def test_end_and_wake_up_are_those_of_the_store(store: MemoryStore) -> None:
    feed = watched(store)
    woken: list[bool] = []
    feed.mailbox.on_ready = lambda: woken.append(True)
    put(store, ALICE, "new")
    assert woken == [True]
    store.watches[0].mailbox.close("expired")
    assert feed.mailbox.closed_reason == "expired"
    assert told(feed.mailbox.take()) == [("ADDED", ALICE, "new")]
    with pytest.raises(Closed):
        feed.mailbox.take()
