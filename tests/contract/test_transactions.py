"""The one way in which objects are written, on each database."""

from __future__ import annotations

import contextlib
import threading

import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext

from kcpcache.apimachinery import objects as api_objects
from kcpcache.apimachinery.storage import ListOptions
from tests.contract.harness import CLUSTER, THINGS, SQLHarness, key, thing
from tests.contract.reading import FeedReader, together
from workspaces import models, signals
from workspaces.store import changelog, objects, revisions, sql, work
from workspaces.store.snapshot import snapshot

pytestmark = pytest.mark.usefixtures("database")


def put(name, **spec):
    return SQLHarness().put(key(name), thing(name, **spec))


def names():
    return [record.key.name for record in sql.SQLCollection(THINGS).list(ListOptions()).records]


def test_one_transaction_gives_its_changes_revisions_in_their_order() -> None:
    put("old")
    gone = put("gone")
    wanted = [key(name) for name in ("z", "old", "gone", "a")]
    with objects.writing(wanted) as tx:
        pending = [
            tx.put(key("z"), thing("z")),
            tx.put(key("old"), thing("old", size=2), discovery=True),
            tx.delete(key("gone"), last=thing("gone", size=9)),
            tx.put(key("a"), thing("a")),
        ]
    assert [one.written.revision for one in pending] == [gone + 1, gone + 2, gone + 3, gone + 4]
    assert revisions.newest() == (gone + 4, gone + 4, 0)
    logged = changelog.read_after(gone, limit=10)
    assert logged == [one.written for one in pending]
    assert [change.kind for change in logged] == ["A", "M", "D", "A"]
    assert api_objects.decode(logged[2].body)["spec"] == {"size": 9}
    assert names() == ["a", "old", "z"]
    assert objects.get(key("old")) == pending[1].record


def test_transaction_that_writes_nothing_takes_no_revision() -> None:
    before = put("a")
    with objects.writing([key("a"), key("b")]) as tx:
        assert tx.get(key("a")).revision == before
        assert tx.get(key("b")) is None
    assert revisions.newest().value == before


@pytest.mark.parametrize("flushed", [False, True])
def test_rolled_back_transaction_leaves_nothing(flushed: bool) -> None:
    before = put("a")
    with pytest.raises(ZeroDivisionError), objects.writing([key("a"), key("b")]) as tx:
        tx.put(key("a"), thing("a", size=2), indexes=[objects.IndexEntry("owner", "x")])
        tx.put(key("b"), thing("b"))
        if flushed:
            tx.flush()
        raise ZeroDivisionError
    assert revisions.newest().value == before
    assert changelog.read_after(before, limit=10) == []
    assert (names(), objects.find("owner", "x")) == (["a"], [])
    assert put("c") == before + 1


def test_writes_of_one_key_in_one_transaction_follow_each_other() -> None:
    before = revisions.newest().value
    with objects.writing([key("a")]) as tx:
        first = tx.put(key("a"), thing("a", size=1))
        assert tx.get(key("a")) == first.record
        second = tx.put(key("a"), thing("a", size=2))
        third = tx.delete(key("a"))
        assert tx.get(key("a")) is None
    kinds = [(change.kind, change.revision) for change in changelog.read_after(before, limit=10)]
    assert kinds == [("A", before + 1), ("M", before + 2), ("D", before + 3)]
    assert third.written.previous == second.record.body
    assert names() == []


def test_pending_write_has_no_revision_before_the_flush() -> None:
    with objects.writing([key("a")]) as tx:
        pending = tx.put(key("a"), thing("a"))
        with pytest.raises(RuntimeError):
            _ = pending.record
        tx.flush()
        assert pending.record.revision == pending.written.revision


def test_put_leaves_the_callers_object_alone() -> None:
    mine = thing("a", size=1)
    mine["metadata"]["resourceVersion"] = "7"
    with objects.writing([key("a")]) as tx:
        pending = tx.put(key("a"), mine)
        mine["spec"]["size"] = 2
    assert mine["metadata"]["resourceVersion"] == "7"
    assert api_objects.decode(pending.record.body)["spec"] == {"size": 1}


def test_wrong_use_is_refused() -> None:
    with objects.writing([key("a")]) as tx:
        with pytest.raises(ValueError, match="not locked"):
            tx.put(key("b"), thing("b"))
        with pytest.raises(ValueError, match="uid"):
            tx.put(key("a"), {"metadata": {"name": "a"}})
        with pytest.raises(LookupError):
            tx.delete(key("a"))
        with pytest.raises(RuntimeError), objects.writing([key("b")]):
            raise AssertionError("a second block was opened")
    put("c")


def test_inside_an_outer_transaction_it_is_a_part_of_it() -> None:
    before = put("a")
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        put("b")
        with pytest.raises(KeyError), objects.writing([key("c")]) as tx:
            tx.put(key("c"), thing("c"))
            tx.flush()
            raise KeyError
        put("d")
        with objects.writing([key("a")]) as tx:
            assert tx.get(key("a")).revision == before
        raise ZeroDivisionError
    assert (names(), revisions.newest().value) == (["a"], before)
    with transaction.atomic():
        put("b")
        put("c")
    assert names() == ["a", "b", "c"]


def test_single_write_takes_few_statements() -> None:
    put("warm-up")
    for expected, act in (
        ("create", lambda: put("a")),
        ("update", lambda: put("a", size=2)),
        ("delete", lambda: SQLHarness().delete(key("a"))),
    ):
        with CaptureQueriesContext(connection) as queries:
            act()
        statements = [
            query["sql"] for query in queries if query["sql"] not in ("BEGIN", "BEGIN IMMEDIATE", "COMMIT")
        ]
        assert len(statements) <= 4, (expected, statements)


def test_signal_is_sent_inside_the_transaction_once_a_change() -> None:
    seen = []

    def receive(sender, change, **_):
        assert connection.in_atomic_block
        seen.append((sender, change))
        work.note("test", change.key.cluster, change.key.name)

    signals.changed.connect(receive)
    try:
        with objects.writing([key("b"), key("a")]) as tx:
            pending = [tx.put(key("b"), thing("b")), tx.put(key("a"), thing("a"))]
    finally:
        signals.changed.disconnect(receive)
    assert seen == [(models.Object, one.written) for one in pending]
    assert sorted(item.name for item in work.due(10)) == ["a", "b"]


def test_receiver_that_fails_fails_the_write() -> None:
    before = put("a")

    def receive(sender, change, **_):
        work.note("test", CLUSTER, "a")
        raise ZeroDivisionError

    signals.changed.connect(receive)
    try:
        with pytest.raises(ZeroDivisionError):
            put("b")
    finally:
        signals.changed.disconnect(receive)
    assert (names(), revisions.newest().value, work.due(10)) == (["a"], before, [])


def test_late_commit_hides_nothing() -> None:
    """A transaction that has its revision and commits late: later ones wait for it, and no reader overtakes."""
    before = put("a")
    storage = sql.SQLCollection(THINGS)
    reader = FeedReader(storage.watch(ListOptions(revision=before), with_initial=False))
    has_revision, may_commit = threading.Event(), threading.Event()

    def late() -> int:
        with objects.writing([key("late")]) as tx:
            pending = tx.put(key("late"), thing("late"))
            tx.flush()
            has_revision.set()
            assert may_commit.wait(20)
        return pending.record.revision

    def other() -> int:
        assert has_revision.wait(20)
        threading.Timer(0.2, may_commit.set).start()
        return put("other")

    def read() -> list[tuple[int, list[str]]]:
        assert has_revision.wait(20)
        pages = []
        while not may_commit.is_set():
            page = storage.list(ListOptions())
            pages.append((page.revision, [record.key.name for record in page.records]))
        return pages

    late_revision, other_revision, pages = together(late, other, read)
    assert (late_revision, other_revision) == (before + 1, before + 2)
    for revision, present in pages[:-1]:
        assert (revision, present) == (before, ["a"])
    assert [event.key.name for event in reader.until(other_revision)] == ["late", "other"]
    reader.feed.close()


def test_concurrent_changes_of_one_object_lose_nothing() -> None:
    put("counter", total=0)

    def add() -> None:
        for _ in range(10):
            with objects.writing([key("counter")]) as tx:
                total = api_objects.decode(tx.get(key("counter")).body)["spec"]["total"]
                tx.put(key("counter"), thing("counter", total=total + 1))

    together(*[add] * 6)
    assert api_objects.decode(objects.get(key("counter")).body)["spec"]["total"] == 60


def test_transactions_on_many_keys_in_any_order_do_not_deadlock() -> None:
    before = revisions.newest().value
    keys = [key(f"n{number}") for number in range(20)]

    def write(mine: list) -> None:
        for step in range(5):
            with objects.writing(mine) as tx:
                for one in mine:
                    tx.put(one, thing(one.name, step=step))

    together(
        lambda: write(keys), lambda: write(keys[::-1]), lambda: write(keys[::2]), lambda: write(keys[1::2])
    )
    written = 5 * (20 + 20 + 10 + 10)
    assert revisions.newest().value == before + written
    assert [change.revision for change in changelog.read_after(before, limit=1000)] == list(
        range(before + 1, before + written + 1)
    )


def test_hooks_after_the_commit_hold_up_no_other_writer() -> None:
    with objects.writing([key("a")]) as tx:
        tx.put(key("a"), thing("a"))
        transaction.on_commit(lambda: together(lambda: put("b")))
    assert names() == ["a", "b"]


def test_large_transaction_is_one() -> None:
    before = revisions.newest().value
    keys = [key(f"n{number:04d}") for number in range(1200)]
    with objects.writing(keys) as tx:
        for one in keys:
            tx.put(one, thing(one.name))
    assert revisions.newest().value == before + 1200
    with objects.writing(keys) as tx:
        for one in keys:
            assert tx.get(one) is not None
            tx.delete(one)
    assert not objects.exists(THINGS)
    assert len(objects.read_many(keys)) == 0


def test_snapshot_sees_one_moment() -> None:
    revision = put("a")
    with snapshot() as now:
        together(lambda: put("b"))
        assert now.value == revision
        assert objects.count(THINGS, using="snapshot") == 1
        assert revisions.newest("snapshot").value == revision
    assert objects.count(THINGS) == 2


def test_ranges_are_read_in_order() -> None:
    harness = SQLHarness()
    for namespace, name in (("", "z"), ("a", "y"), ("a", "x"), ("b", "w")):
        harness.put(key(name, namespace=namespace), thing(name, namespace=namespace))
    places = ["z", "a/x", "a/y", "b/w"]
    seen, after = [], None
    while found := objects.iterate(THINGS, after=after, limit=2):
        assert len(found) <= 2
        seen += [objects.place(record.key) for record in found]
        after = seen[-1]
    assert seen == places
    until = objects.iterate(THINGS, after="z", until="a/y", limit=10)
    assert [objects.place(record.key) for record in until] == ["a/x", "a/y"]


def test_reading_many_leaves_out_what_is_missing() -> None:
    put("a")
    put("b")
    found = objects.read_many([key("a"), key("b"), key("c"), key("a")])
    assert found == {key("a"): objects.get(key("a")), key("b"): objects.get(key("b"))}


def test_reserved_revisions_are_given_to_nobody_else() -> None:
    before = put("a")
    assert revisions.reserve(3) == before + 1
    assert put("b") == before + 4


def test_jump_makes_everything_before_it_compacted() -> None:
    before = put("a")
    assert revisions.jump_above(before + 1000) == before + 1001
    assert revisions.newest() == (before + 1001,) * 3
    assert revisions.jump_above(5) == before + 1002
    assert put("b") == before + 1003
    assert changelog.read_after(before + 1002, limit=5)[0].key == key("b")


def test_reads_and_writes_go_on_after_the_connection_was_lost(database: str) -> None:
    """The call that notices fails; the next one connects again, without any request signal."""
    put("a")
    names()
    if database == "postgresql":  # SQLite has no server that hangs up
        together(_hang_up_on_everybody_else)
    for use in (revisions.newest, lambda: put("b"), names):
        with contextlib.suppress(DatabaseError):
            use()
        use()
    assert names() == ["a", "b"]


def _hang_up_on_everybody_else() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )
