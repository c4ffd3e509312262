"""A replica in memory: who goes on when it is read anew, and what it remembers."""

from __future__ import annotations

import pytest

from kcpcache.apimachinery import errors
from kcpcache.apimachinery.storage import Collection
from replication.replica import fanout
from replication.replica.events import Events
from replication.replica.fanout import ConsumerMailbox
from replication.replica.item import Change, Item
from replication.replica.keys import Family
from replication.replica.mirror import Mirror

THINGS = Collection("", "example.io", "things", "")


def items(**bodies):
    return [Item(name, body.encode()) for name, body in sorted(bodies.items())]


def change(revision, name, body, previous=None, type="M"):
    before = Item(name, previous.encode()) if previous is not None else None
    return Change(revision, type, Item(name, body.encode()), before)


@pytest.fixture
def mirror():
    """A mirror at revision 10 of epoch 1, whose log reaches back to 7."""
    made = Mirror(Family("root", "alpha", "uid"), fanout.at_once)
    made.replace(1, 7, items(a="one", b="two"), 7, [])
    made.apply([change(8, "b", "three", "two"), change(10, "c", "new", type="A")], 10)
    return made


def watched(mirror):
    box = ConsumerMailbox(THINGS, ("alice",), "", Events())
    mirror.watch(None, lambda: mirror.fanout.add(box))
    return box


def test_watch_goes_on_over_a_fill_of_the_same_content(mirror) -> None:
    box = watched(mirror)
    mirror.replace(2, 10, items(a="one", b="three", c="new"), 10, [])
    assert not box.closed_reason
    assert mirror.reaches(10)
    assert mirror.watch(10, lambda: None)[1] == []


@pytest.mark.parametrize(
    "found",
    [
        {"a": "one", "b": "mended", "c": "new"},
        {"a": "one", "b": "three"},
        {"a": "one", "b": "three", "c": "new", "d": "more"},
    ],
)
def test_fill_of_other_content_at_the_same_revision_ends_watches_and_resumptions(mirror, found) -> None:
    box = watched(mirror)
    mirror.replace(2, 10, items(**found), 10, [])
    assert box.closed_reason == "expired"
    assert {item.name: item.body.decode() for item in mirror.contents().items} == found
    for read in (lambda: mirror.watch(10, lambda: None), lambda: mirror.contents_at(10)):
        with pytest.raises(errors.Expired):
            read()
    mirror.apply([change(11, "a", "next", "one")], 11)
    mirror.apply([change(12, "a", "last", "next")], 12)
    with pytest.raises(errors.Expired):
        mirror.watch(10, lambda: None)
    assert [each.revision for each in mirror.watch(11, lambda: None)[1]] == [12]


def test_watch_goes_on_when_the_changes_since_lead_to_what_was_filled(mirror) -> None:
    box = watched(mirror)
    since = [change(11, "a", "next", "one"), change(12, "b", "three", "three", type="D")]
    mirror.replace(2, 12, items(a="next", c="new"), 10, since)
    assert [event.revision for event in box.take()] == [11, 12]
    assert mirror.reaches(10)


def test_watch_ends_when_the_changes_since_do_not_lead_to_what_was_filled(mirror) -> None:
    box = watched(mirror)
    mirror.replace(2, 11, items(a="next", b="mended", c="new"), 10, [change(11, "a", "next", "one")])
    assert box.closed_reason == "expired"
    assert not mirror.reaches(10)
    assert mirror.reaches(11)


def test_watch_that_stands_before_a_fill_ends(mirror) -> None:
    box = watched(mirror)
    mirror.replace(2, 11, items(a="one", b="three", c="new"), 11, [])
    assert box.closed_reason == "expired"
    assert mirror.reaches(11)


def test_former_changes_are_remembered_only_where_they_join(mirror) -> None:
    older = [change(5, "a", "one", "zero"), change(7, "b", "two", type="A")]
    assert not mirror.extend_log(2, older, 4, 7)  # of another fill
    assert not mirror.extend_log(1, older[:1], 4, 6)  # what lies between is not known
    assert not mirror.reaches(6)
    assert mirror.extend_log(1, older, 4, 7)
    assert [each.revision for each in mirror.watch(4, lambda: None)[1]] == [5, 7, 8, 10]


def test_memory_of_changes_is_counted(mirror) -> None:
    before = mirror.size_bytes
    assert before == len("one" + "three" + "new") + len("three" + "two" + "new")
    mirror.apply([change(11, "a", "x" * 50, "one")], 11)
    assert mirror.size_bytes == before + 50 - len("one") + 50 + len("one")
