"""Pages are bounded by bytes: objects of 1.5 MiB must not be read, written or answered by the hundred."""

from __future__ import annotations

import pytest

from replication import rows
from replication.replica import connection, fill, log, meta, paging, selection, sync, writer
from tests.contract.harness import THINGS, key, thing
from tests.contract.replica import UID
from workspaces.store import objects, pagesize

SIZE_BYTES = 4000


def put(*names, **spec):
    with objects.writing([key(name) for name in names]) as transaction:
        for name in names:
            transaction.put(key(name), thing(name, **spec))


@pytest.fixture
def small(monkeypatch):
    """A page is three objects of `SIZE_BYTES`, a batch two."""
    monkeypatch.setattr(pagesize, "BYTES", 3 * SIZE_BYTES + 2000)
    monkeypatch.setattr(writer, "MAX_BYTES", 2 * SIZE_BYTES + 2000)
    monkeypatch.setattr(pagesize, "FIRST", 4)


@pytest.fixture
def large(replica, small):
    """Twenty objects of `SIZE_BYTES`."""
    put(*(f"n{number:02d}" for number in range(20)), text="x" * SIZE_BYTES)
    return replica


def test_page_size_follows_what_was_read() -> None:
    size = pagesize.PageSize()
    assert size.limit == pagesize.FIRST
    size.learn([1_500_000] * 4)
    assert size.limit == 5
    size.learn([3 * pagesize.BYTES])
    assert size.limit == 1
    size.learn([1200] * 5)
    assert size.limit == pagesize.MOST


def test_large_objects_are_read_few_at_once(large) -> None:
    pages = [len(page) for page in paging.records(THINGS)]
    assert (pages[0], max(pages[1:]), sum(pages)) == (4, 3, 20)


def test_all_objects_of_a_collection_are_read_once(replica, monkeypatch) -> None:
    names = [f"n{number:03d}" for number in range(200)]
    put(*names)
    assert [record.key.name for page in paging.records(THINGS) for record in page] == names
    monkeypatch.setattr(pagesize, "FIRST", 200)
    assert [len(page) for page in paging.records(THINGS)] == [200]


def test_fill_writes_few_large_objects_at_once(large, monkeypatch) -> None:
    write, sizes = fill._write, []

    def counted(client, source, epoch, page, totals):
        sizes.append(len(page))
        write(client, source, epoch, page, totals)

    monkeypatch.setattr(fill, "_write", counted)
    assert fill.fill(connection.client(), rows.find(UID), keep=lambda: None)
    assert sizes == [2] * 10
    assert meta.read(connection.client(), large.family).count == 20


def test_log_of_large_objects_is_read_in_small_batches(large, monkeypatch) -> None:
    read, lengths = log.changelog.batch_after, []

    def counted(*args, **options):
        found = read(*args, **options)
        lengths.append(len(found.changes))
        return found

    monkeypatch.setattr(log.changelog, "batch_after", counted)
    sync.sync(connection.client(), UID)
    assert max(lengths) == 4 and max(lengths[1:]) == 3 and sum(lengths) == 20
    assert meta.read(connection.client(), large.family).count == 20


def test_selector_edit_reads_few_large_objects_at_once(large, monkeypatch) -> None:
    sync.sync(connection.client(), UID)
    read, lengths = selection.objects.read_many, []

    def counted(wanted):
        lengths.append(len(wanted))
        return read(wanted)

    monkeypatch.setattr(selection.objects, "read_many", counted)
    for selector, count in (({"matchLabels": {"tier": "gold"}}, 0), ({}, 20)):
        rows.declare(UID, THINGS, "things", "v1", selector)
        sync.sync(connection.client(), UID)
        assert meta.read(connection.client(), large.family).count == count
    assert (max(lengths), sum(lengths)) == (3, 20)
