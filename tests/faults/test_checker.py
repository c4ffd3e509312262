"""The checker finds what is wrong: each test breaks a good recording in one way."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.faults import checker, records
from tests.faults.ledger import ADDED, DELETED, MODIFIED, NUMBER, Ledger, Outcome, Write
from tests.faults.recorder import Watcher
from tests.faults.records import Bookmark, Change, Entry, Expired, Listing, Resumed, Seen


def seen(name: str, revision: int, number: int = 0, cluster: str = "alice") -> Seen:
    """An object as its n-th write left it."""
    annotations = {"kcp.io/cluster": cluster, NUMBER: str(number)}
    metadata = {"name": name, "resourceVersion": str(revision), "annotations": annotations}
    return records.seen(json.dumps({"metadata": metadata}).encode())


def change(event: str, name: str, revision: int, number: int = 0, cluster: str = "alice") -> Change:
    """An event."""
    return Change(event, seen(name, revision, number, cluster))


def write(
    event: str, name: str, number: int, revision: int, outcome: Outcome = Outcome.ACKNOWLEDGED
) -> Write:
    """An attempt."""
    return Write(name, event, number, outcome, revision, 0.0)


def good() -> Watcher:
    """a is changed and deleted, b is made; a lost connection lies between."""
    return watcher(
        Listing(10, (seen("a", 9, 1),)),
        change(MODIFIED, "a", 11, 2),
        change(ADDED, "b", 12, 3),
        Resumed(12),
        change(DELETED, "a", 14, 2),
        Bookmark(15),
    )


def ledger() -> Ledger:
    """The writes behind `good`."""
    return Ledger(
        [
            write(ADDED, "a", 1, 9),
            write(MODIFIED, "a", 2, 11),
            write(ADDED, "b", 3, 12),
            write(MODIFIED, "b", 4, 0, Outcome.REFUSED),
            write(DELETED, "a", 5, 0),
        ]
    )


def watcher(*entries: Entry, path: str = "/clusters/alice/things") -> Watcher:
    """A recording."""
    made = Watcher(path)
    made.entries += entries
    return made


END = Listing(15, (seen("b", 12, 3),))


def test_good_recording_has_no_violation() -> None:
    assert not checker.history(good())
    assert not checker.delivered(good(), ledger())
    assert not checker.rebuilt(good(), END)
    assert not checker.consistent([Listing(11, (seen("a", 11, 2),)), Listing(14, END.items)], good())
    assert not checker.kept(ledger(), END)


def lose(entries: list[Entry]) -> None:
    """An event does not come."""
    del entries[2]


def repeat(entries: list[Entry]) -> None:
    """An event comes again after the watch was resumed."""
    entries.insert(4, entries[2])


def reorder(entries: list[Entry]) -> None:
    """Two events change places."""
    entries[1], entries[2] = entries[2], entries[1]


def skip_bookmark(entries: list[Entry]) -> None:
    """An event comes that a bookmark had said was past."""
    entries.insert(4, Bookmark(14))


@pytest.mark.parametrize("broken", [repeat, reorder, skip_bookmark])
def test_recording_that_is_out_of_order_is_found(broken: Callable[[list[Entry]], None]) -> None:
    bad = good()
    broken(bad.entries)
    assert checker.history(bad)


@pytest.mark.parametrize("broken", [lose, repeat])
def test_write_that_was_not_delivered_once_is_found(broken: Callable[[list[Entry]], None]) -> None:
    bad = good()
    broken(bad.entries)
    assert checker.delivered(bad, ledger())


def test_lost_last_event_is_found() -> None:
    bad = good()
    del bad.entries[4]
    assert checker.delivered(bad, ledger())


def test_event_that_nobody_caused_is_found() -> None:
    assert checker.delivered(watcher(*good().entries, change(ADDED, "ghost", 16)), ledger())


def test_type_that_the_state_does_not_allow_is_found() -> None:
    assert checker.history(watcher(Listing(1, ()), change(MODIFIED, "a", 2)))
    assert checker.history(watcher(Listing(1, (seen("a", 1),)), change(ADDED, "a", 2)))


def test_write_of_unknown_outcome_may_come_or_not_but_whole() -> None:
    maybe = ledger()
    maybe.add(write(MODIFIED, "b", 6, 0, Outcome.UNKNOWN))
    assert not checker.delivered(good(), maybe)
    assert not checker.delivered(watcher(*good().entries, change(MODIFIED, "b", 16, 6)), maybe)
    assert checker.delivered(watcher(*good().entries, change(MODIFIED, "b", 16, 7)), maybe)


def test_changes_between_two_lists_are_not_asked_for_when_the_revision_had_expired() -> None:
    entries = [*good().entries[:2], Expired(11), Listing(13, (seen("a", 11, 2), seen("b", 12, 3)))]
    relisted = watcher(*entries, change(DELETED, "a", 14, 2))
    assert not checker.history(relisted)
    assert not checker.delivered(relisted, ledger())


def test_list_that_events_do_not_lead_to_is_found() -> None:
    assert checker.rebuilt(good(), Listing(15, ()))
    assert checker.rebuilt(good(), Listing(15, (seen("b", 12, 4),)))
    assert checker.rebuilt(good(), Listing(15, (*END.items, seen("c", 13))))


def test_list_that_is_not_in_order_is_found() -> None:
    items = (seen("b", 1), seen("a", 1))
    assert checker.rebuilt(watcher(Listing(1, items)), Listing(1, items))


def test_partial_list_is_found() -> None:
    assert checker.consistent([Listing(12, (seen("a", 11, 2),))], good())


def test_lost_write_is_found() -> None:
    assert checker.kept(ledger(), Listing(15, ()))
    assert checker.kept(ledger(), Listing(15, (*END.items, seen("a", 11, 2))))


def test_wildcard_view_may_repeat_the_revision_in_which_it_resumes() -> None:
    path = "/services/replication/c/n/clusters/*/apis/g/v1/things"
    first, second = change(ADDED, "a", 11), change(ADDED, "a", 11, cluster="bob")
    start = Listing(10, ())
    assert not checker.history(watcher(start, first, second, Resumed(11), first, second, path=path))
    assert checker.history(watcher(start, first, second, first, path=path))
    assert checker.history(watcher(start, first, second))


def test_consumer_reads_the_source_but_for_named_metadata() -> None:
    source: dict[str, Any] = {
        "metadata": {"name": "a", "resourceVersion": "9", "managedFields": [{}], "labels": {"x": "y"}}
    }
    source["metadata"]["annotations"] = {"kcp.io/cluster": "cloud", checker.LAST_APPLIED: "{}", "k": "v"}
    copy: dict[str, Any] = {"metadata": {"name": "a", "resourceVersion": "9", "labels": {"x": "y"}}}
    copy["metadata"]["annotations"] = {"kcp.io/cluster": "alice", "k": "v"}

    def compare(*, entered: bool = False) -> list[str]:
        read, written = (Listing(9, (records.seen(json.dumps(obj).encode()),)) for obj in (copy, source))
        return checker.equal_to_source(read, written, "alice", entered=entered)

    assert not compare()
    copy["metadata"]["resourceVersion"] = "12"
    assert compare()
    assert not compare(entered=True)
    copy["metadata"] |= {"resourceVersion": "9", "labels": {}}
    assert compare()


def test_two_bodies_of_one_revision_are_found() -> None:
    lists = [Listing(9, (seen("a", 9, 1),)), Listing(9, (seen("a", 9, 2),))]
    assert checker.one_body_each(lists, [])
    assert not checker.one_body_each(lists[:1], [watcher(lists[0])])


def test_replay_that_differs_is_found() -> None:
    replay = watcher(*good().entries[2:])
    replay.behind = 11
    assert not checker.resumable(good(), [replay], 14)
    del replay.entries[0]
    assert checker.resumable(good(), [replay], 14)


def test_list_is_taken_apart_into_the_bytes_that_came() -> None:
    items = [
        b'{"metadata":{"name":"a","resourceVersion":"3"},"x": "}],"}',
        b'{"metadata":{"name":"b","resourceVersion":"4"}}',
    ]
    content = b'{"kind":"List","metadata":{"resourceVersion":"7"},"items":[' + b",".join(items) + b"]}\n"
    listing = records.listing(content)
    assert listing.revision == 7
    assert [item.body for item in listing.items] == items
