"""Watch, on every storage: each event once, in order, resumable from anywhere."""

from __future__ import annotations

import random
import threading

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kcpcache.apimachinery import errors
from kcpcache.apimachinery.mailbox import Closed
from kcpcache.apimachinery.storage import ListOptions
from tests.contract.harness import THINGS, THINGS_EVERYWHERE, Harness, SQLHarness, key, thing
from tests.contract.reading import FeedReader, replayed, state_of, together
from workspaces.store import broadcast, sql


def watched(storage, revision, **options):
    return FeedReader(storage.watch(ListOptions(revision=revision, **options), with_initial=False))


def told(events):
    return [(event.type, event.key.name, event.revision) for event in events]


def test_watch_without_revision_begins_with_the_present_state(harness: Harness) -> None:
    harness.put(key("a"), thing("a"))
    revision = harness.put(key("b"), thing("b"))
    for options, with_initial in (
        (ListOptions(), False),
        (ListOptions(revision=0), False),
        (ListOptions(revision=revision - 1), True),
    ):
        feed = harness.storage(THINGS).watch(options, with_initial=with_initial)
        assert [record.key.name for record in feed.initial] == ["a", "b"]
        assert (list(feed.history), feed.start) == ([], revision)
        feed.close()


def test_watch_goes_on_after_the_present_state(harness: Harness) -> None:
    harness.put(key("a"), thing("a"))
    reader = FeedReader(harness.storage(THINGS).watch(ListOptions(), with_initial=True))
    first = harness.put(key("b"), thing("b"))
    second = harness.delete(key("a"))
    assert told(reader.until(second)) == [("ADDED", "b", first), ("DELETED", "a", second)]
    reader.feed.close()


def test_watch_from_a_revision_tells_what_came_after_it(harness: Harness) -> None:
    begin = harness.put(key("a"), thing("a"))
    changed = harness.put(key("a"), thing("a", size=2))
    added = harness.put(key("b"), thing("b"))
    reader = watched(harness.storage(THINGS), begin)
    live = harness.put(key("c"), thing("c"))
    assert told(reader.until(live)) == [
        ("MODIFIED", "a", changed),
        ("ADDED", "b", added),
        ("ADDED", "c", live),
    ]
    assert reader.feed.initial == []
    reader.feed.close()


@pytest.mark.parametrize("live", [False, True])
def test_events_carry_the_object_before_and_after(harness: Harness, live: bool) -> None:
    storage = harness.storage(THINGS)
    begin = harness.newest()
    reader = watched(storage, begin) if live else None
    harness.put(key("a"), thing("a", labels={"v": "1"}))
    harness.put(key("a"), thing("a", labels={"v": "2"}))
    last = harness.delete(key("a"))
    reader = reader or watched(storage, begin)
    added, modified, deleted = reader.until(last)
    assert (added.previous, added.previous_labels, added.labels) == (None, None, {"v": "1"})
    assert (modified.previous, modified.previous_labels) == (added.body, {"v": "1"})
    assert (deleted.previous, deleted.previous_labels, deleted.labels) == (
        modified.body,
        {"v": "2"},
        {"v": "2"},
    )
    for event in (added, modified, deleted):
        assert orjson.loads(event.body)["metadata"]["resourceVersion"] == str(event.revision)
    reader.feed.close()


def test_history_that_is_too_much_to_hold_is_expired(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    harness = SQLHarness()
    begin = harness.put(key("a"), thing("a"))
    for letter in "xyz":
        last = harness.put(key("a"), thing("a", text=letter * 10_000))
    monkeypatch.setattr(
        sql, "HISTORY_BYTES", 50_000
    )  # of three events with 10,000 bytes and two times 20,000
    with pytest.raises(errors.Expired):
        watched(harness.storage(THINGS), begin)
    assert broadcast.hub().is_idle()
    for revision, options in ((begin + 1, {}), (begin, {"name": "b"})):
        reader = watched(harness.storage(THINGS), revision, **options)
        reader.until_position(last)
        reader.feed.close()


def test_watch_of_one_name_or_namespace_tells_of_nothing_else(harness: Harness) -> None:
    storage = harness.storage(THINGS)
    begin = harness.newest()
    places = [("one", "a"), ("one", "b"), ("two", "a"), ("", "a")]
    for namespace, name in places[:2]:
        harness.put(key(name, namespace=namespace), thing(name, namespace=namespace))
    by_name = watched(storage, begin, name="a")
    by_namespace = watched(storage, begin, namespace="one")
    by_both = watched(storage, begin, namespace="one", name="a")
    for namespace, name in places[2:]:
        harness.put(key(name, namespace=namespace), thing(name, namespace=namespace))
    last = harness.newest()
    told_places = {
        "name": [("one", "a"), ("two", "a"), ("", "a")],
        "namespace": [("one", "a"), ("one", "b")],
        "both": [("one", "a")],
    }
    for kind, reader in (("name", by_name), ("namespace", by_namespace), ("both", by_both)):
        events = reader.until_position(last)
        assert [(event.key.namespace, event.key.name) for event in events] == told_places[kind]
        reader.feed.close()


def test_watch_keeps_to_its_collection(harness: Harness) -> None:
    begin = harness.newest()
    here = watched(harness.storage(THINGS), begin)
    everywhere = watched(harness.storage(THINGS_EVERYWHERE), begin)
    harness.put(key("mine"), thing("mine"))
    harness.put(key("theirs", cluster="beta"), thing("theirs"))
    harness.put(key("bound", identity="abc"), thing("bound"))
    last = harness.put(key("other", resource="thingsandmore"), thing("other"))
    assert [event.key.name for event in here.until_position(last)] == ["mine"]
    assert [event.key.name for event in everywhere.until_position(last)] == ["mine", "theirs"]
    here.feed.close()
    everywhere.feed.close()


def test_watch_resumes_from_every_event(harness: Harness) -> None:
    storage = harness.storage(THINGS)
    begin = harness.newest()
    for step in range(6):
        harness.put(key(f"n{step % 2}"), thing(f"n{step % 2}", step=step))
    last = harness.delete(key("n0"))
    whole = watched(storage, begin).until(last)
    assert len(whole) == 7
    for position, event in enumerate(whole):
        reader = watched(storage, event.revision)
        assert reader.until_position(last) == whole[position + 1 :]
        reader.feed.close()


def test_watch_from_compacted_revision_is_expired(harness: Harness) -> None:
    old = harness.put(key("a"), thing("a"))
    for size in range(3):
        newest = harness.put(key("a"), thing("a", size=size))
    compacted = harness.compact()
    with pytest.raises(errors.Expired) as caught:
        harness.storage(THINGS).watch(ListOptions(revision=old), with_initial=False)
    assert caught.value.message == f"too old resource version: {old} ({compacted})"
    reader = watched(harness.storage(THINGS), compacted)
    assert [event.revision for event in reader.until(newest)] == list(range(compacted + 1, newest + 1))
    reader.feed.close()


def test_watch_from_future_revision_waits_and_drops_what_comes_before(harness: Harness) -> None:
    future = harness.put(key("a"), thing("a")) + 2
    reader = watched(harness.storage(THINGS), future)
    for size in range(3):
        last = harness.put(key("a"), thing("a", size=size))
    assert last == future + 1
    assert [event.revision for event in reader.until_position(last)] == [last]
    reader.feed.close()


def test_closed_feed_gets_nothing_more(harness: Harness) -> None:
    storage = harness.storage(THINGS)
    closed, beside = watched(storage, harness.newest()), watched(storage, harness.newest())
    closed.feed.close()
    closed.feed.close()
    last = harness.put(key("a"), thing("a"))
    beside.until(last)
    assert closed.feed.mailbox.take() == []
    beside.feed.close()


def test_position_covers_changes_of_others(harness: Harness) -> None:
    reader = watched(harness.storage(THINGS), harness.newest())
    last = harness.put(key("other", resource="others"), thing("other"))
    assert reader.until_position(last) == []
    assert reader.feed.position() >= last
    reader.feed.close()


def test_watches_opened_among_concurrent_writers_lose_and_repeat_nothing(harness: Harness) -> None:
    """History and mailbox overlap while writers write: together they are the log."""
    storage = harness.storage(THINGS)
    begin = harness.put(key("first"), thing("first"))
    busy = threading.Semaphore(0)

    def write(writer: int) -> None:
        for step in range(15):
            name = f"w{writer}-{step % 4}"
            harness.put(key(name), thing(name, step=step))
        busy.release()

    def watch() -> list:
        readers = []
        while not busy.acquire(blocking=False):
            readers.append((begin, watched(storage, begin)))
            page = storage.list(ListOptions())
            readers.append((page.revision, watched(storage, page.revision)))
            initial = storage.watch(ListOptions(), with_initial=True)
            readers.append((initial.start, FeedReader(initial)))
        return readers

    *_, readers = together(*(lambda writer=writer: write(writer) for writer in range(4)), watch)
    last = harness.newest()
    history = watched(storage, begin)
    truth = history.until_position(last)
    assert [event.revision for event in truth] == list(range(begin + 1, last + 1))
    assert readers
    for start, reader in readers:
        expected = [event for event in truth if event.revision > start]
        assert reader.until_position(last) == expected
        reader.feed.close()
    history.feed.close()


STEPS = st.lists(
    st.tuples(st.sampled_from(["put", "delete"]), st.sampled_from("abcd"), st.integers(0, 3)), max_size=25
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, cuts=st.lists(st.integers(0, 25), min_size=1, max_size=4))
def test_list_and_events_after_it_are_every_later_list(
    harness: Harness, steps: list, cuts: list[int]
) -> None:
    storage = harness.storage(THINGS)
    alive = {record.key.name for record in storage.list(ListOptions()).records}
    begin = storage.list(ListOptions())
    live = watched(storage, begin.revision)
    revisions = [begin.revision]
    for kind, name, size in steps:
        if kind == "put":
            revisions.append(harness.put(key(name), thing(name, size=size)))
            alive.add(name)
        elif name in alive:
            revisions.append(harness.delete(key(name)))
            alive.remove(name)
    events = live.until_position(revisions[-1])
    live.feed.close()
    assert [event.revision for event in events] == revisions[1:]
    for start in {revisions[cut % len(revisions)] for cut in cuts}:
        before = storage.list(ListOptions(revision=start, exact=True))
        for end in revisions:
            if end >= start:
                between = [event for event in events if start < event.revision <= end]
                after = storage.list(ListOptions(revision=end, exact=True))
                assert replayed(before.records, between) == state_of(after)


def test_reader_that_does_not_read_is_closed_as_slow(harness: Harness) -> None:
    storage = harness.storage(THINGS)
    slow, good = watched(storage, harness.newest()), watched(storage, harness.newest())
    slow.feed.mailbox._capacity = 5
    chance = random.Random(0)
    for _ in range(8):
        last = harness.put(key("a"), thing("a", size=chance.random()))
    assert len(good.until(last)) == 8
    good.until_position(last)
    with pytest.raises(Closed) as caught:
        slow.feed.mailbox.take()
    assert caught.value.reason == "slow"
    slow.feed.close()
    good.feed.close()
