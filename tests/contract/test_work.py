"""The queue of what must be reconciled."""

from __future__ import annotations

import pytest
from django.db import transaction

from tests.contract.reading import together
from tests.waiting import until
from workspaces import models
from workspaces.store import leases, overview, work

pytestmark = pytest.mark.usefixtures("database")


def only():
    (item,) = work.due(10)
    return item


def test_notes_of_one_thing_are_one_item() -> None:
    work.note("gc", "alpha", "a")
    first = only()
    work.note("gc", "alpha", "a")
    work.note("gc", "beta", "a")
    work.note("tenancy", "alpha", "a")
    items = work.due(10)
    assert [(item.controller, item.cluster, item.name) for item in items] == [
        ("gc", "alpha", "a"),
        ("gc", "beta", "a"),
        ("tenancy", "alpha", "a"),
    ]
    assert items[0].sequence == first.sequence + 1
    assert work.due(2) == items[:2]


def test_item_waits_until_somebody_claims_it() -> None:
    assert not work.is_waiting("gc", "alpha", "a", within_seconds=1)
    work.note("gc", "alpha", "a")
    assert work.is_waiting("gc", "alpha", "a", within_seconds=1)
    assert not work.is_waiting("gc", "alpha", "b", within_seconds=1)
    leases.claim(1, 15.0)
    assert not work.is_waiting("gc", "alpha", "a", within_seconds=1)
    work.note("gc", "alpha", "a", delay_seconds=0.5)
    assert work.is_waiting("gc", "alpha", "a", within_seconds=1)


def test_done_removes_what_was_not_noted_again() -> None:
    work.note("gc", "alpha", "a")
    item = only()
    work.note("gc", "alpha", "a")
    assert not work.done(item)
    assert work.done(only())
    assert work.due(10) == []
    assert not work.done(item)


def test_delayed_note_is_due_later_and_never_postpones() -> None:
    work.note("gc", "alpha", "a", delay_seconds=60)
    assert work.due(10) == []
    work.note("gc", "alpha", "a")
    work.note("gc", "alpha", "a", delay_seconds=60)
    assert only().sequence == 3


def test_delay_ends() -> None:
    work.note("gc", "alpha", "a", delay_seconds=0.3)
    assert work.due(10) == []
    assert until(lambda: work.due(10))


def test_failure_counts_attempts_and_waits() -> None:
    work.note("gc", "alpha", "a")
    work.failed(only(), "no luck", 60)
    assert work.due(10) == []
    stored = models.Work.objects.get()
    assert (stored.attempts, stored.error) == (1, "no luck")
    work.note("gc", "alpha", "a")
    assert only().attempts == 1


def test_failure_of_what_was_noted_again_leaves_it_due() -> None:
    work.note("gc", "alpha", "a")
    item = only()
    work.note("gc", "alpha", "a")
    work.failed(item, "no luck", 60)
    assert only().attempts == 1


def test_note_belongs_to_its_transaction() -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        work.note("gc", "alpha", "a")
        raise ZeroDivisionError
    assert work.due(10) == []


def test_no_note_is_lost_between_workers() -> None:
    """Whatever is noted while others finish it is seen by somebody after the note."""

    def note() -> None:
        for _ in range(15):
            work.note("gc", "alpha", "a")

    def reconcile() -> None:
        for _ in range(15):
            for item in work.due(10):
                work.done(item)

    together(note, note, reconcile, reconcile)
    work.note("gc", "alpha", "a")
    assert work.done(only())
    assert work.due(10) == []


def test_what_was_noted_again_while_it_was_done_begins_without_attempts_and_error() -> None:
    work.note("gc", "alpha", "a")
    for _ in range(6):
        work.failed(only(), "no", 0)
    item = only()
    work.note("gc", "alpha", "a")
    assert not work.done(item)
    assert only().attempts == 0
    assert not overview.failures()


def test_what_was_noted_before_the_clock_was_put_back_is_due() -> None:
    work.note("gc", "alpha", "late", delay_seconds=3600)  # as a note of an hour ago seems, or a claim
    work.note("gc", "alpha", "soon", delay_seconds=60)
    assert only().name == "late"
    assert [item.name for item in leases.claim(10, 15.0)] == ["late"]
    assert work.due(10) == []
