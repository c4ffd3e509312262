"""Selector edits: who enters and leaves, at which revisions, and that every watch can follow."""

from __future__ import annotations

import itertools
import random

import orjson
import pytest

from kcpcache.apimachinery.storage import ListOptions
from replication import rows
from replication.management import verification
from replication.models import Replica
from replication.replica import connection, log, meta, selection, sync
from tests.contract.harness import CLUSTER, THINGS, key, thing
from tests.contract.reading import replayed, state_of
from tests.contract.replica import UID
from workspaces.store import objects, pagesize, revisions

GOLD = {"matchLabels": {"tier": "gold"}}


def put(name, tier="", **spec):
    with objects.writing([key(name)]) as transaction:
        pending = transaction.put(key(name), thing(name, labels={"tier": tier} if tier else None, **spec))
    return pending.record.revision


def remove(name):
    with objects.writing([key(name)]) as transaction:
        transaction.delete(key(name))


def select(selector):
    rows.declare(UID, THINGS, "things", "v1", selector)


def follow(replica):
    sync.sync(connection.client(), UID)
    replica.mirrors.look()


def names(replica):
    return [record.key.name for record in replica.view(CLUSTER).list(ListOptions()).records]


def events(replica, revision):
    feed = replica.storage(THINGS).watch(ListOptions(revision=revision), with_initial=False)
    feed.close()
    return list(feed.history)


def told(found):
    return [(event.type, event.key.name) for event in found]


def assert_equal_to_source():
    report = verification.verify(connection.client(), Replica.objects.get(uid=UID), 0)
    assert report.differences == []


def test_only_selected_objects_are_filled_in(replica) -> None:
    select(GOLD)
    put("a", "gold")
    put("b", "tin")
    put("c")
    follow(replica)
    assert names(replica) == ["a"]
    connection.client().flushall()
    follow(replica)
    replica.mirrors.look()
    assert names(replica) == ["a"]


def test_change_of_labels_enters_and_leaves(replica) -> None:
    select(GOLD)
    follow(replica)
    begin = put("a", "tin")
    entered = put("a", "gold")
    changed = put("a", "gold", size=2)
    left = put("a", "tin", size=3)
    follow(replica)
    found = events(replica, begin)
    assert told(found) == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a")]
    assert [event.revision for event in found] == [entered, changed, left]
    last = orjson.loads(found[-1].body)
    assert (last["spec"], last["metadata"]["labels"]) == ({"size": 2}, {"tier": "gold"})
    assert last["metadata"]["resourceVersion"] == str(left)
    assert names(replica) == []


def test_edit_of_the_selector_gives_each_object_a_revision_of_its_own(replica) -> None:
    for name, tier in (("a", "gold"), ("b", "tin"), ("c", "gold"), ("d", "tin")):
        put(name, tier)
    follow(replica)
    begin = replica.view(CLUSTER).list(ListOptions()).revision
    select(GOLD)
    follow(replica)
    left = events(replica, begin)
    assert told(left) == [("DELETED", "b"), ("DELETED", "d")]
    select({"matchExpressions": [{"key": "tier", "operator": "In", "values": ["tin"]}]})
    follow(replica)
    found = events(replica, begin)
    assert told(found) == [*told(left), ("DELETED", "a"), ("DELETED", "c"), ("ADDED", "b"), ("ADDED", "d")]
    assert len({event.revision for event in found}) == 6
    for event in found:
        assert orjson.loads(event.body)["metadata"]["resourceVersion"] == str(event.revision)
    record = replica.view(CLUSTER).get("", "b")
    assert record.revision == found[4].revision > begin
    assert revisions.newest().value >= found[-1].revision
    assert_equal_to_source()


def test_watch_resumes_inside_a_selector_edit(replica) -> None:
    for number in range(6):
        put(f"n{number}", "gold" if number % 2 else "tin")
    follow(replica)
    before = replica.storage(THINGS).list(ListOptions())
    select(GOLD)
    follow(replica)
    put("late", "gold")
    follow(replica)
    whole = events(replica, before.revision)
    now = state_of(replica.storage(THINGS).list(ListOptions()))
    assert replayed(before.records, whole) == now
    for position, event in enumerate(whole):
        assert events(replica, event.revision) == whole[position + 1 :]
        between = replica.storage(THINGS).list(ListOptions(revision=event.revision, exact=True))
        assert replayed(before.records, whole[: position + 1]) == state_of(between)


def test_selection_that_was_begun_and_not_settled_is_settled_by_the_next(replica) -> None:
    for number in range(4):
        put(f"n{number}", "gold" if number % 2 else "tin")
    follow(replica)
    select(GOLD)
    source, client = rows.find(UID), connection.client()
    progress = log.Progress.of(meta.read(client, replica.family))
    selection.begin(client, source, progress)
    assert meta.read(client, replica.family).is_settling
    put("n0", "gold")
    (health,) = meta.inspect(client, [replica.family])
    assert sync.needs_sync(source, health, 0)
    follow(replica)
    assert not meta.read(client, replica.family).is_settling
    assert names(replica) == ["n0", "n1", "n3"]
    assert_equal_to_source()


def test_worker_with_an_older_selector_is_refused(replica) -> None:
    put("a", "gold")
    follow(replica)
    old, client = rows.find(UID), connection.client()
    select(GOLD)
    follow(replica)
    progress = log.Progress.of(meta.read(client, replica.family))
    progress.selection = old.selection
    put("b", "tin")
    with pytest.raises(log.Refused) as caught:
        log.follow(client, old, progress)
    assert caught.value.reason == "selection"
    with pytest.raises(log.Refused):
        selection.begin(client, old, log.Progress.of(meta.read(client, replica.family)))


def test_objects_that_change_while_the_selector_is_settled(replica, monkeypatch) -> None:
    chance = random.Random(5)
    for number in range(60):
        put(f"n{number:02d}", chance.choice(["gold", "tin"]))
    follow(replica)
    before = replica.storage(THINGS).list(ListOptions())
    reserve, alive = revisions.reserve, {f"n{number:02d}" for number in range(60)}

    def busy(count):
        for _ in range(15):
            name = f"n{chance.randrange(80):02d}"
            if name in alive and chance.random() < 0.3:
                remove(name)
                alive.remove(name)
            else:
                put(name, chance.choice(["gold", "tin"]), size=chance.random())
                alive.add(name)
        return reserve(count)

    monkeypatch.setattr(revisions, "reserve", busy)
    monkeypatch.setattr(selection, "_PAGE", 7)
    monkeypatch.setattr(pagesize, "FIRST", 7)
    monkeypatch.setattr(pagesize, "MOST", 7)
    for selector in (GOLD, {"matchLabels": {"tier": "tin"}}, {}):
        select(selector)
        follow(replica)
        assert_equal_to_source()
        now = replica.storage(THINGS).list(ListOptions())
        assert replayed(before.records, events(replica, before.revision)) == state_of(now)


def test_lists_are_what_the_events_say_while_selectors_and_objects_change(replica) -> None:
    chance = random.Random(11)
    selectors = [GOLD, {}, {"matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]}]
    begin = replica.storage(THINGS).list(ListOptions())
    pages = [begin]
    alive: set[str] = set()
    for _ in range(60):
        name, action = f"n{chance.randrange(9)}", chance.random()
        if action < 0.15:
            select(chance.choice(selectors))
        elif action < 0.35 and name in alive:
            remove(name)
            alive.remove(name)
        else:
            put(name, chance.choice(["gold", "tin", ""]), size=action)
            alive.add(name)
        follow(replica)
        pages.append(replica.storage(THINGS).list(ListOptions()))
    assert_equal_to_source()
    for first, second in itertools.pairwise(pages):
        between = [event for event in events(replica, first.revision) if event.revision <= second.revision]
        assert replayed(first.records, between) == state_of(second)
