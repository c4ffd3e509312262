"""Several writes in one transaction of SQLite: each is done or undone by itself, all are committed or none."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import DatabaseError, OperationalError, connection, connections, transaction

from kcpcache.apimachinery.storage import ListOptions
from tests.contract.harness import THINGS, SQLHarness, key, thing
from tests.contract.reading import FeedReader
from workspaces.store import locks, objects, revisions, sql, work

pytestmark = [
    pytest.mark.usefixtures("database"),
    pytest.mark.parametrize("database", ["sqlite"], indirect=True),
]


def put(name: str, **spec: Any) -> int:
    return SQLHarness().put(key(name), thing(name, **spec))


def names() -> list[str]:
    return [record.key.name for record in sql.SQLCollection(THINGS).list(ListOptions()).records]


def names_elsewhere() -> list[str]:
    """What another connection sees."""
    found: list[str] = []

    def look() -> None:
        found.extend(names())
        connections.close_all()

    thread = threading.Thread(target=look)
    thread.start()
    thread.join(10)
    return found


def test_writes_are_seen_by_the_next_at_once_and_by_others_at_the_end() -> None:
    with locks.shared() as check:
        first = put("a")
        check()
        second = put("a", size=2)
        check()
        record = objects.get(key("a"))
        assert record is not None
        assert record.revision == second
        assert names_elsewhere() == []
    assert second == first + 1
    assert names_elsewhere() == ["a"]


def test_watchers_get_each_change_once_and_in_order() -> None:
    begin = put("z")
    reader = FeedReader(sql.SQLCollection(THINGS).watch(ListOptions(revision=begin), with_initial=False))
    with locks.shared():
        last = [put(name) for name in ("c", "a", "b")][-1]
    assert [(one.revision, one.key.name) for one in reader.until(last)] == [
        (last - 2, "c"),
        (last - 1, "a"),
        (last, "b"),
    ]
    reader.feed.close()


def test_write_that_is_refused_takes_nothing_of_the_others_with_it() -> None:
    with locks.shared() as check:
        before = put("a")
        check()
        with pytest.raises(KeyError), objects.writing([key("b")]) as tx:
            tx.put(key("b"), thing("b"))
            tx.flush()
            raise KeyError
        check()
        after = put("c")
        check()
    assert names() == ["a", "c"]
    assert after == before + 1, "the revision of the refused write was given back"


def test_statement_that_fails_takes_nothing_of_the_others_with_it() -> None:
    with locks.shared() as check:
        put("a")
        with pytest.raises(DatabaseError), locks.writer(), connection.cursor() as cursor:
            cursor.execute("INSERT INTO nowhere VALUES (1)")
        check()
        work.note("controller", "alpha", "a")
        check()
    assert names() == ["a"]
    assert [item.name for item in work.due(10)] == ["a"]


def test_failure_before_the_end_undoes_everything() -> None:
    before, told = put("old"), []
    with pytest.raises(KeyError), locks.shared():
        put("a")
        transaction.on_commit(lambda: told.append(1))
        put("b")
        raise KeyError
    assert names() == ["old"]
    assert revisions.newest().value == before
    assert not told
    assert put("c") == before + 1, "the queue of writers goes on"


def test_full_disk_loses_the_transaction_and_nothing_is_written_outside_of_it() -> None:
    before = put("old")
    with connection.cursor() as cursor:
        pages, free, page_size = (
            _pragma(cursor, name) for name in ("page_count", "freelist_count", "page_size")
        )
        cursor.execute(f"PRAGMA max_page_count = {pages + 4}")
    try:
        with pytest.raises(OperationalError), locks.shared() as check:
            put("a")
            check()
            with pytest.raises(OperationalError, match="full"):
                put("b", text="x" * page_size * (free + 25))
            check()
            put("c")
            check()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA max_page_count = 1073741823")
    assert names() == ["old"]
    assert revisions.newest().value == before


def _pragma(cursor: Any, name: str) -> int:
    cursor.execute(f"PRAGMA {name}")
    ((value,),) = cursor.fetchall()
    return int(value)


def test_transaction_that_sqlite_gave_up_is_noticed_at_the_next_check() -> None:
    with pytest.raises(OperationalError, match="rolled back"), locks.shared() as check:
        put("a")
        connection.connection.execute("ROLLBACK")  # as SQLite does by itself on some errors
        check()
    assert names() == []
