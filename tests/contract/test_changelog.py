"""Reading the log, and forgetting its beginning."""

from __future__ import annotations

import datetime

import pytest
from django.utils import timezone

from kcpcache.apimachinery import errors
from kcpcache.apimachinery.storage import Collection
from tests.contract.harness import GROUP, THINGS, THINGS_EVERYWHERE, SQLHarness, key, thing
from workspaces import models
from workspaces.store import changelog, compaction, revisions

pytestmark = pytest.mark.usefixtures("database")

HOUR = 3600


def put(name, **parts):
    return SQLHarness().put(key(name, **parts), thing(name))


def read(after, **options):
    return [change.key.name for change in changelog.read_after(after, **{"limit": 100, **options})]


def logged():
    return list(models.Change.objects.order_by("revision").values_list("revision", flat=True))


def test_changes_come_in_order_up_to_a_limit() -> None:
    first = put("a")
    put("b")
    third = put("c")
    put("d")
    assert read(first) == ["b", "c", "d"]
    assert read(first, limit=2) == ["b", "c"]
    assert read(first, until=third) == ["b", "c"]
    assert read(third + 1) == []


def test_changes_of_a_collection() -> None:
    begin = put("a")
    put("b")
    put("theirs", cluster="beta")
    put("other", resource="others")
    put("bound", identity="abc")
    assert read(begin, collection=THINGS) == ["b"]
    assert read(begin, collection=THINGS_EVERYWHERE) == ["b", "theirs"]
    assert read(begin, collection=Collection("*", GROUP, "things", "abc")) == ["bound"]


def test_labels_of_changes_before_and_after() -> None:
    begin = put("other", resource="others")
    first = SQLHarness().put(key("a"), thing("a", labels={"tier": "gold"}))
    second = SQLHarness().put(key("a"), thing("a"))
    put("theirs", cluster="beta")
    third = SQLHarness().delete(key("a"))
    found = changelog.labels_after(begin, limit=100, collection=THINGS)
    assert [(each.revision, each.name, each.before, each.after) for each in found] == [
        (first, "a", None, {"tier": "gold"}),
        (second, "a", {"tier": "gold"}, {}),
        (third, "a", {}, None),
    ]
    assert changelog.labels_after(begin, limit=100, collection=THINGS, until=second) == found[:2]
    assert changelog.labels_after(begin, limit=2, collection=THINGS) == found[:2]
    assert changelog.labels_after(third, limit=2, collection=THINGS) == []
    SQLHarness().compact()
    with pytest.raises(errors.Expired):
        changelog.labels_after(begin, limit=100, collection=THINGS)


def test_batch_tells_how_far_its_reader_has_come() -> None:
    first = put("a")
    second = put("b")
    last = put("other", resource="others")
    assert changelog.batch_after(0, limit=1).reached == first
    assert changelog.batch_after(0, limit=10).reached == last
    assert changelog.batch_after(0, limit=10, collection=THINGS).reached == last
    assert changelog.batch_after(0, limit=10, until=second).reached == second
    assert changelog.batch_after(last + 7, limit=10).reached == last + 7


def test_reader_of_a_store_that_was_never_written_gets_nothing() -> None:
    assert revisions.newest() == (1, 0, 0)
    assert changelog.batch_after(0, limit=10) == changelog.Batch([], revisions.newest(), 1)


def test_compaction_keeps_the_number_of_rows_and_admits_what_is_gone() -> None:
    written = [put(f"n{number}") for number in range(7)]
    assert compaction.compact(max_age_seconds=HOUR, max_rows=3) == 4
    assert logged() == written[4:]
    assert revisions.newest().compacted == changelog.compacted() == written[3]
    assert read(written[3]) == ["n4", "n5", "n6"]
    changelog.check(written[3])
    for behind in (lambda: read(written[2]), lambda: changelog.check(written[2])):
        with pytest.raises(errors.Expired):
            behind()
    assert compaction.compact(max_age_seconds=HOUR, max_rows=3) == 0


def test_compaction_by_age_stops_at_the_first_young_row() -> None:
    written = [put(f"n{number}") for number in range(6)]
    long_ago = timezone.now() - datetime.timedelta(hours=2)
    models.Change.objects.filter(revision__in=[written[0], written[1], written[3]]).update(at=long_ago)
    assert compaction.compact(max_age_seconds=HOUR, max_rows=100) == 2
    assert logged() == written[2:]


def test_age_is_by_the_clock_of_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(6):
        put(f"n{number}")
    tomorrow = timezone.now() + datetime.timedelta(days=1)
    with monkeypatch.context() as patch:
        patch.setattr(timezone, "now", lambda: tomorrow)  # of a worker whose clock is wrong
        assert compaction.compact(max_age_seconds=HOUR, max_rows=100) == 0


def test_newest_row_stays_however_old() -> None:
    written = [put(f"n{number}") for number in range(3)]
    models.Change.objects.update(at=timezone.now() - datetime.timedelta(days=9))
    assert compaction.compact(max_age_seconds=HOUR, max_rows=0) == 2
    assert logged() == written[-1:]
    assert revisions.newest().compacted == written[1]
    assert compaction.compact(max_age_seconds=0, max_rows=0) == 0


def test_compaction_of_nothing_does_nothing() -> None:
    assert compaction.compact(max_age_seconds=0, max_rows=0) == 0


def test_compaction_goes_in_bounded_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compaction, "BATCH", 2)
    written = [put(f"n{number}") for number in range(8)]
    models.Change.objects.filter(revision__lt=written[6]).update(
        at=timezone.now() - datetime.timedelta(days=1)
    )
    assert compaction.compact(max_age_seconds=HOUR, max_rows=100) == 6
    assert logged() == written[6:]


def test_crash_between_the_steps_of_compaction_leaves_no_hidden_hole(monkeypatch: pytest.MonkeyPatch) -> None:
    written = [put(f"n{number}") for number in range(5)]

    def crash(revision: int) -> int:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(compaction, "_delete_until", crash)
        with pytest.raises(SystemExit):
            compaction.compact(max_age_seconds=HOUR, max_rows=2)
    assert logged() == written
    with pytest.raises(errors.Expired):
        read(written[0])
    assert compaction.compact(max_age_seconds=HOUR, max_rows=2) == 3
    assert logged() == written[3:]


def test_rows_before_a_jump_are_deleted() -> None:
    written = [put(f"n{number}") for number in range(3)]
    revisions.jump_above(written[-1])
    put("after")
    assert compaction.compact(max_age_seconds=HOUR, max_rows=100) == 3
