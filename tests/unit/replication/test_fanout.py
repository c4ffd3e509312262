"""From changes to the events of many watchers: shared, bounded, and told to the end."""

from __future__ import annotations

import pytest

from kcpcache.apimachinery.mailbox import Closed
from kcpcache.apimachinery.storage import Collection
from replication.replica import fanout
from replication.replica.events import Events
from replication.replica.fanout import ConsumerMailbox, Fanout
from replication.replica.item import Change, Item

THINGS = Collection("", "example.io", "things", "")


def change(revision, name="a", size=100):
    body = b'{"metadata":{"annotations":{"kcp.io/cluster":"\0"},"name":"%s"},"spec":"%s"}'
    item = Item(name, body % (name.encode(), b"x" * size))
    return Change(revision, "M", item, item)


def mailbox(*consumers, events=None, name=""):
    return ConsumerMailbox(THINGS, consumers or ("alice",), name, events or Events())


def told(events):
    return [(event.revision, event.key.cluster) for event in events]


def test_watchers_of_a_consumer_share_events_and_those_of_others_do_not() -> None:
    events, follow = Events(), Fanout(fanout.at_once)
    first, second = mailbox("alice", events=events), mailbox("alice", events=events)
    other = mailbox("bob", events=events)
    for each in (first, second, other):
        follow.add(each)
    follow.publish([change(1)], 1)
    (shared,) = first.take()
    assert second.take()[0] is shared
    assert b'"kcp.io/cluster":"bob"' in other.take()[0].body


def test_remembered_changes_hold_no_more_events_than_may_be_kept() -> None:
    events = Events(most_bytes=200_000)
    consumers = [f"c{number:03d}" for number in range(100)]
    log = [change(revision, size=1000) for revision in range(1, 201)]
    boxes = [mailbox(consumer, events=events) for consumer in consumers]
    for each in log:
        for box in boxes:
            box.put_changes([each])
            box.take()
    kept = [event for each in log for event in each.events.values()]
    assert 0 < sum(len(event.body) + len(event.previous) for event in kept) < 200_000
    assert events.size_bytes <= 200_000
    assert not log[0].events
    assert log[-1].events


def test_newest_event_is_shared_however_large_it_is() -> None:
    events = Events(most_bytes=1)
    first, second, large = mailbox(events=events), mailbox(events=events), change(1, size=10_000)
    first.put_changes([large])
    second.put_changes([large])
    assert first.take()[0] is second.take()[0]


def test_event_that_was_given_up_is_made_again() -> None:
    events = Events(most_bytes=1)
    early, late, changes = mailbox(events=events), mailbox(events=events), [change(1), change(2)]
    early.put_changes(changes)
    late.put_changes(changes)
    assert early.take() == late.take()


def test_very_many_events_are_taken_in_parts_that_end_with_a_revision(monkeypatch) -> None:
    monkeypatch.setattr(fanout, "_TAKEN_BYTES", 5_000)
    woken = []
    box = mailbox("c1", "c2", "c3")
    box.put_changes([change(revision, size=500) for revision in range(1, 21)])
    box.on_ready = lambda: woken.append(True)
    parts = []
    while not box.is_empty:
        before = len(woken)
        parts.append(told(box.take()))
        assert (len(woken) > before) == (not box.is_empty)  # it is told of the others, and only then
    assert len(parts) > 5
    assert all([cluster for _, cluster in part] == ["c1", "c2", "c3"] * (len(part) // 3) for part in parts)
    assert [revision for part in parts for revision, _ in part[::3]] == list(range(1, 21))
    assert box.take() == []


def test_what_comes_while_parts_are_taken_comes_behind_them(monkeypatch) -> None:
    monkeypatch.setattr(fanout, "_TAKEN_BYTES", 1)
    box = mailbox()
    box.put_changes([change(1), change(2)])
    assert told(box.take()) == [(1, "alice")]
    box.put_changes([change(3)])
    assert [told(box.take()) for _ in range(2)] == [[(2, "alice")], [(3, "alice")]]


def test_position_is_told_only_when_everything_before_it_was_taken(monkeypatch) -> None:
    monkeypatch.setattr(fanout, "_TAKEN_BYTES", 1)
    follow, box = Fanout(fanout.at_once), mailbox()
    follow.add(box)
    follow.publish([change(1), change(2)], 5)
    assert follow.position_of(box) == 0
    box.take()
    assert follow.position_of(box) == 0
    box.take()
    assert follow.position_of(box) == 5


def test_closed_mailbox_that_holds_only_what_is_not_delivered_says_that_it_is_closed() -> None:
    box = mailbox()
    box.begin_after(5)
    box.put_changes([change(4), change(5)])
    box.close("expired")
    with pytest.raises(Closed):
        box.take()


def test_open_mailbox_that_holds_only_what_is_not_delivered_is_empty() -> None:
    box = mailbox()
    box.begin_after(5)
    box.put_changes([change(5)])
    assert box.take() == []
    box.put_changes([change(6)])
    assert told(box.take()) == [(6, "alice")]


def test_reader_who_takes_the_last_events_of_a_closed_mailbox_is_woken_for_its_end() -> None:
    box, woken = mailbox(), []
    box.put_changes([change(1)])
    box.close("gone")
    box.on_ready = lambda: woken.append(True)
    assert told(box.take()) == [(1, "alice")]
    assert woken
    with pytest.raises(Closed) as caught:
        box.take()
    assert caught.value.reason == "gone"


def test_slow_reader_does_not_get_the_parts_that_were_left(monkeypatch) -> None:
    monkeypatch.setattr(fanout, "_TAKEN_BYTES", 1)
    box = mailbox()
    box.put_changes([change(1), change(2)])
    box.take()
    box.close("slow")
    with pytest.raises(Closed):
        box.take()
