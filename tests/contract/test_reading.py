"""Get and list, on every storage."""

from __future__ import annotations

import random
import threading
from dataclasses import replace

import orjson
import pytest

from kcpcache.apimachinery import errors
from kcpcache.apimachinery.storage import Collection, Getter, Lister, ListOptions, Watcher
from tests.contract.harness import CLUSTER, GROUP, THINGS, THINGS_EVERYWHERE, Harness, key, thing
from tests.contract.reading import replayed, state_of, together


def names(page):
    return [record.key.name for record in page.records]


def all_pages(storage, options):
    """Every record of a paged list, the later pages at the revision of the first."""
    page = storage.list(options)
    pages = [page]
    while page.next_start is not None:
        page = storage.list(
            replace(options, start_after=page.next_start, revision=pages[0].revision, exact=True)
        )
        pages.append(page)
    return pages


def test_storage_gets_lists_and_watches(harness: Harness) -> None:
    storage = harness.storage(THINGS)
    assert isinstance(storage, Getter)
    assert isinstance(storage, Lister)
    assert isinstance(storage, Watcher)


def test_get_returns_what_was_written_with_its_revision(harness: Harness) -> None:
    revision = harness.put(key("a"), thing("a", labels={"tier": "gold"}, size=1))
    record = harness.storage(THINGS).get("", "a")
    assert record.revision == revision
    assert record.key == key("a")
    assert record.labels == {"tier": "gold"}
    body = orjson.loads(record.body)
    assert body.pop("metadata").pop("resourceVersion") == str(revision)
    assert body == {"apiVersion": f"{GROUP}/v1", "kind": "Thing", "spec": {"size": 1}}


def test_get_of_missing_object_is_not_found(harness: Harness) -> None:
    harness.put(key("a", namespace="one"), thing("a", namespace="one"))
    for namespace, name in (("one", "b"), ("two", "a"), ("", "a")):
        with pytest.raises(errors.NotFound) as caught:
            harness.storage(THINGS).get(namespace, name)
    assert caught.value.message == f'things.{GROUP} "a" not found'


def test_get_sees_replacement_and_deletion_at_once(harness: Harness) -> None:
    storage = harness.storage(THINGS)
    harness.put(key("a"), thing("a", size=1))
    second = harness.put(key("a"), thing("a", size=2))
    assert storage.get("", "a").revision == second
    harness.delete(key("a"))
    with pytest.raises(errors.NotFound):
        storage.get("", "a")


def test_get_of_future_revision_waits_for_it(harness: Harness) -> None:
    revision = harness.put(key("a"), thing("a"))
    started = threading.Event()

    def read() -> int:
        started.set()
        return harness.storage(THINGS).get("", "a", revision + 1).revision

    def write() -> int:
        assert started.wait(10)
        return harness.put(key("a"), thing("a", size=2))

    read_revision, written_revision = together(read, write)
    assert read_revision == written_revision == revision + 1


def test_reads_of_a_revision_that_does_not_come_time_out(harness: Harness) -> None:
    storage = harness.storage(THINGS)
    harness.put(key("a"), thing("a"))
    future = harness.newest() + 5
    for read in (
        lambda: storage.get("", "a", future),
        lambda: storage.list(ListOptions(revision=future)),
        lambda: storage.list(ListOptions(revision=future, exact=True)),
    ):
        with pytest.raises(errors.Timeout) as caught:
            read()
        assert caught.value.message == f"Too large resource version: {future}, current: {harness.newest()}"
        assert caught.value.causes[0].reason == "ResourceVersionTooLarge"


def test_list_of_nothing_is_empty_at_a_revision(harness: Harness) -> None:
    page = harness.storage(THINGS).list(ListOptions())
    assert (page.records, page.next_start, page.remaining) == ([], None, None)
    assert page.revision == harness.newest() >= 1


def test_list_is_ordered_byte_by_byte(harness: Harness) -> None:
    places = [
        (namespace, name) for namespace in ("b", "a-b", "a", "a.b", "B") for name in ("x", "x-1", "x.1", "x1")
    ]
    random.Random(1).shuffle(places)
    for namespace, name in places:
        harness.put(key(name, namespace=namespace), thing(name, namespace=namespace))
    page = harness.storage(THINGS).list(ListOptions())
    assert [(record.key.namespace, record.key.name) for record in page.records] == sorted(places)


def test_list_in_every_cluster_is_ordered_by_cluster_first(harness: Harness) -> None:
    for cluster, name in (("beta", "a"), ("alpha", "z"), ("alpha-2", "m")):
        harness.put(key(name, cluster=cluster), thing(name))
    page = harness.storage(THINGS_EVERYWHERE).list(ListOptions())
    assert [record.key.cluster for record in page.records] == ["alpha", "alpha-2", "beta"]
    pages = all_pages(harness.storage(THINGS_EVERYWHERE), ListOptions(limit=1))
    assert [names(page) for page in pages] == [["z"], ["m"], ["a"]]
    assert [page.remaining for page in pages] == [2, 1, None]


def test_list_keeps_to_its_collection(harness: Harness) -> None:
    harness.put(key("mine"), thing("mine"))
    harness.put(key("other-cluster", cluster="alpha2"), thing("other-cluster"))
    harness.put(key("longer-name", resource="thingsandmore"), thing("longer-name"))
    harness.put(key("other-group", group="xample.io"), thing("other-group"))
    harness.put(key("bound", identity="abc"), thing("bound"))
    assert names(harness.storage(THINGS).list(ListOptions())) == ["mine"]
    bound = harness.storage(Collection(CLUSTER, GROUP, "things", "abc"))
    assert names(bound.list(ListOptions())) == ["bound"]


def test_list_of_a_namespace_or_a_name(harness: Harness) -> None:
    for namespace in ("one", "one-more"):
        for name in ("a", "b"):
            harness.put(key(name, namespace=namespace), thing(name, namespace=namespace))
    storage = harness.storage(THINGS)
    in_one = storage.list(ListOptions(namespace="one")).records
    assert [(record.key.namespace, record.key.name) for record in in_one] == [("one", "a"), ("one", "b")]
    named = storage.list(ListOptions(name="b")).records
    assert [record.key.namespace for record in named] == ["one", "one-more"]


def test_matches_selects_by_labels_and_does_not_count_the_rest(harness: Harness) -> None:
    for number in range(10):
        labels = {"even": "yes"} if number % 2 == 0 else {}
        harness.put(key(f"n{number}"), thing(f"n{number}", labels=labels))
    options = ListOptions(matches=lambda record: record.labels.get("even") == "yes", limit=2)
    pages = all_pages(harness.storage(THINGS), options)
    assert [names(page) for page in pages] == [["n0", "n2"], ["n4", "n6"], ["n8"]]
    assert {page.remaining for page in pages} == {None}


def test_pages_are_the_list_and_count_what_remains(harness: Harness) -> None:
    for number in range(7):
        harness.put(key(f"n{number}"), thing(f"n{number}"))
    storage = harness.storage(THINGS)
    pages = all_pages(storage, ListOptions(limit=3))
    assert [names(page) for page in pages] == [["n0", "n1", "n2"], ["n3", "n4", "n5"], ["n6"]]
    assert [page.remaining for page in pages] == [4, 1, None]
    exactly_full = all_pages(storage, ListOptions(limit=7))
    assert [(len(page.records), page.next_start) for page in exactly_full] == [(7, None)]


def test_pages_stay_consistent_while_objects_change(harness: Harness) -> None:
    for number in range(9):
        harness.put(key(f"n{number}"), thing(f"n{number}", size=number))
    storage = harness.storage(THINGS)
    whole = storage.list(ListOptions())
    first = storage.list(ListOptions(limit=3))
    harness.delete(key("n4"))
    harness.put(key("n5"), thing("n5", size=500))
    harness.put(key("n55"), thing("n55"))
    harness.delete(key("n8"))
    harness.put(key("n8"), thing("n8", size=800))
    harness.put(key("n99"), thing("n99"))
    harness.delete(key("n99"))
    harness.put(key("n0"), thing("n0", size=100))
    options = ListOptions(limit=3, revision=first.revision, exact=True)
    second = storage.list(replace(options, start_after=first.next_start))
    third = storage.list(replace(options, start_after=second.next_start))
    assert [first.remaining, second.remaining, third.remaining] == [6, 3, None]
    assert first.records + second.records + third.records == whole.records
    assert {page.revision for page in (first, second, third)} == {whole.revision}


def test_list_not_older_than_a_revision_is_the_newest(harness: Harness) -> None:
    first = harness.put(key("a"), thing("a"))
    second = harness.put(key("b"), thing("b"))
    page = harness.storage(THINGS).list(ListOptions(revision=first))
    assert (page.revision, names(page)) == (second, ["a", "b"])


def test_exact_list_of_compacted_revision_is_expired(harness: Harness) -> None:
    old = harness.put(key("a"), thing("a"))
    for size in range(3):
        newest = harness.put(key("a"), thing("a", size=size))
    compacted = harness.compact()
    assert old < compacted <= newest
    storage = harness.storage(THINGS)
    with pytest.raises(errors.Expired) as caught:
        storage.list(ListOptions(revision=old, exact=True))
    assert caught.value.message == f"too old resource version: {old} ({compacted})"
    assert names(storage.list(ListOptions(revision=compacted, exact=True))) == ["a"]
    assert storage.list(ListOptions(revision=old)).revision == newest


@pytest.mark.parametrize("seed", range(3))
def test_every_revision_can_be_listed_as_it_was(harness: Harness, seed: int) -> None:
    storage, chance = harness.storage(THINGS), random.Random(seed)
    seen = [storage.list(ListOptions())]
    alive: set[str] = set()
    for step in range(40):
        name = f"n{chance.randrange(8)}"
        if name in alive and chance.random() < 0.4:
            harness.delete(key(name))
            alive.remove(name)
        else:
            harness.put(key(name), thing(name, labels={"step": str(step)}, step=step))
            alive.add(name)
        seen.append(storage.list(ListOptions()))
    for page in seen:
        again = storage.list(ListOptions(revision=page.revision, exact=True))
        assert again == page
        paged = all_pages(storage, ListOptions(revision=page.revision, exact=True, limit=3))
        assert [record for part in paged for record in part.records] == page.records
        left = len(page.records)
        for part in paged:
            left -= len(part.records)
            assert part.remaining == (left or None)


def test_lists_under_concurrent_writers_are_states_that_existed(harness: Harness) -> None:
    """A reader at revision n never meets a smaller revision later: each list is what the log replays to."""
    storage = harness.storage(THINGS)
    harness.put(key("first"), thing("first"))
    begin = storage.list(ListOptions())
    feed = storage.watch(ListOptions(revision=begin.revision), with_initial=False)
    feed.close()
    busy = threading.Semaphore(0)

    def write(writer: int) -> None:
        for step in range(12):
            name = f"w{writer}-{step % 3}"
            harness.put(key(name), thing(name, step=step))
            if step % 4 == 3:
                harness.delete(key(name))
        busy.release()

    def read() -> list:
        pages = []
        while not busy.acquire(blocking=False):
            pages.append(storage.list(ListOptions()))
        return pages

    *_, pages = together(*(lambda writer=writer: write(writer) for writer in range(4)), read)
    events = list(storage.watch(ListOptions(revision=begin.revision), with_initial=False).history)
    assert len(events) == 4 * 15
    for page in pages:
        until = [event for event in events if event.revision <= page.revision]
        assert replayed(begin.records, until) == state_of(page)
    assert [page.revision for page in pages] == sorted(page.revision for page in pages)
