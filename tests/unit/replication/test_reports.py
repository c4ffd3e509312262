"""How soon a status is looked at after a change, by a clock that tests turn."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from replication import reports
from replication.replica import connection, sync
from tests.contract.harness import key, thing
from tests.contract.replica import UID
from workspaces import hints
from workspaces.models import Work
from workspaces.store import changelog, leases, objects, pagesize, work

STEP_SECONDS = 0.05


class Clock:
    """Monotonic time that passes only when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(replica: object, monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of `reports`; nothing is noted yet."""
    made = Clock()
    monkeypatch.setattr(reports, "time", made)
    monkeypatch.setattr(reports, "INTERVAL_SECONDS", 1.0)
    reports._due_at.clear()
    Work.objects.all().delete()
    return made


@pytest.fixture
def delays(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The delays of all notes."""
    found: list[float] = []
    real = work.note

    def note(*item: str, delay_seconds: float = 0) -> None:
        found.append(delay_seconds)
        real(*item, delay_seconds=delay_seconds)

    monkeypatch.setattr(work, "note", note)
    return found


@pytest.fixture
def hinted(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The delays of all hints."""
    found: list[float] = []
    monkeypatch.setattr(hints, "publish", lambda *_, delay_seconds=0.0, **__: found.append(delay_seconds))
    return found


def changes(clock: Clock, seconds: float) -> None:
    """Steady changes for a time."""
    ends_at = clock.now + seconds
    while clock.now < ends_at:
        reports.note_change(UID)
        clock.now += STEP_SECONDS


def test_note_is_never_further_away_than_a_second_while_a_worker_has_claimed_it(
    clock: Clock, delays: list[float]
) -> None:
    reports.note_change(UID)
    for _ in range(12):
        leases.claim(10, 5.0)
        changes(clock, 10.0)
    assert len(delays) > 100
    assert max(delays) <= 1.0
    assert reports._due_at[UID] <= clock.now + 1.0


def test_note_is_never_further_away_than_a_second_while_workers_count_at_once(
    clock: Clock, delays: list[float]
) -> None:
    for _ in range(2400):
        reports.note_change(UID)
        Work.objects.all().delete()  # done before the next change
        clock.now += STEP_SECONDS
    assert max(delays) <= 1.0


def test_notes_of_a_waiting_status_are_one_a_second(clock: Clock, delays: list[float]) -> None:
    changes(clock, 20.0)
    assert len(delays) <= 2 * 20
    assert Work.objects.count() == 1
    assert Work.objects.get().sequence == len(delays)


def test_change_after_quiet_is_due_at_once(clock: Clock, delays: list[float], hinted: list[float]) -> None:
    changes(clock, 5.0)
    clock.now += 2.0
    reports.note_change(UID)
    assert (delays[-1], hinted[-1]) == (0.0, 0.0)


def test_note_that_is_due_later_is_hinted_at_then(clock: Clock, hinted: list[float]) -> None:
    """The sweep need not come for it: status would be as old as the sweep is late."""
    reports.note_change(UID)
    Work.objects.all().delete()
    clock.now += 0.25
    reports.note_change(UID)
    assert hinted == [0.0, 0.75]


def test_notes_of_two_processes_are_due_at_the_earlier_time(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    reports.note_change(UID)
    (claimed,) = leases.claim(10, 60.0)  # by a worker that is killed
    clock.now += 0.1
    reports.note_change(UID)
    assert work.is_waiting(reports.CONTROLLER, claimed.cluster, claimed.name, within_seconds=1.0)
    monkeypatch.setattr(reports, "_due_at", {})  # another process, whose clock began elsewhere
    clock.now = 5.0
    reports.note_change(UID)
    assert [item.name for item in work.due(10)] == [claimed.name]


def test_status_is_looked_at_while_a_turn_goes_on(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A turn under steady writes takes ten seconds, and its notes do not wait for its end."""
    noted_at: list[float] = []
    monkeypatch.setattr(reports, "note_change", lambda _: noted_at.append(clock.now))
    real, number = changelog.batch_after, 0

    def batch(*arguments: Any, **options: Any) -> changelog.Batch:
        nonlocal number
        if number < 50:
            number += 1
            clock.now += 0.1
            written = key(f"n{number}")
            with objects.writing([written]) as transaction:
                transaction.put(written, thing(written.name))
        return real(*arguments, **options)

    monkeypatch.setattr(changelog, "batch_after", batch)
    monkeypatch.setattr(pagesize, "FIRST", 1)
    monkeypatch.setattr(pagesize, "MOST", 1)
    sync.sync_and_report(connection.client(), UID)
    assert number == 50
    assert len(noted_at) >= 5
    assert max(second - first for first, second in itertools.pairwise(noted_at)) < 1.5
