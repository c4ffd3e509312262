"""What was sent against what was shown."""

from __future__ import annotations

import pytest

from bench import steadiness
from bench.changing import Changing
from bench.steadiness import Ledger


def event(serial: int) -> bytes:
    return b'{"type":"MODIFIED","object":{"spec":{"cores":2,"serial":%d}}}' % serial


def test_a_change_is_matched_with_its_event() -> None:
    ledger = Ledger(sent={1: 10.0, 2: 11.0})
    ledger.line(event(2), 11.5)
    ledger.line(event(1), 11.75)
    assert (ledger.lags(), ledger.missing) == ([1.75, 0.5], 0)


def test_a_change_without_an_event_is_missing() -> None:
    ledger = Ledger(sent={1: 10.0, 2: 11.0})
    ledger.line(event(2), 12.0)
    ledger.line(b'{"type":"BOOKMARK"}', 13.0)
    assert (ledger.missing, ledger.lags()) == (1, [1.0])


def test_a_change_shown_twice_is_counted_and_its_first_event_holds() -> None:
    ledger = Ledger(sent={1: 10.0})
    ledger.line(event(1), 11.0)
    ledger.line(event(1), 19.0)
    assert (ledger.repeated, ledger.lags()) == (1, [1.0])


def test_a_lag_that_grows_shows_as_drift() -> None:
    ledger = Ledger(sent=dict.fromkeys(range(1, 10), 0.0))
    for serial in range(1, 10):
        ledger.line(event(serial), 1.0 if serial < 7 else 3.0)
    assert ledger.drift() == 3.0
    assert Ledger().drift() == 1.0


@pytest.mark.parametrize(
    ("taken", "seconds", "share"), [(100, 10.0, 1.0), (50, 10.0, 0.5), (100, 22.0, 0.5), (100, 10.9, 1.0)]
)
def test_on_time_is_what_was_taken_while_it_was_offered(taken: int, seconds: float, share: float) -> None:
    run = Changing(100, Ledger(sent=dict.fromkeys(range(taken), 0.0)), writing_seconds=seconds)
    assert run.on_time(10.0) == share


def test_only_memory_that_moved_is_told() -> None:
    assert (
        steadiness.memory_note({"web": 10_000_000}, {"web": 30_000_000, "beat": 1000}) == "memory: web +20 MB"
    )
    assert steadiness.memory_note({"web": 10_000_000}, {"web": 11_000_000}) == "memory: unchanged within 5 MB"
