"""A worker that is asked to stop ends in time with code 0, whatever it is at and whatever its broker does.

TEST_WORKER_STOPS sets how many stops there are, 12 by default, spread over all situations.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests import servers
from tests.faults import bench, chores
from tests.faults.bench import Bench
from tests.waiting import until

pytestmark = pytest.mark.e2e

STOPS = int(os.environ.get("TEST_WORKER_STOPS", "12"))
AT_ONCE = 3  # workers that are stopped side by side, each on servers of its own
BURST, BURST_SECONDS = 40, 0.02


@contextlib.contextmanager
def idle(stand: Bench, worker: subprocess.Popen[bytes], log: Path) -> Iterator[None]:
    """It waits for messages."""
    stand.assert_works(worker, log)
    yield


@contextlib.contextmanager
def busy(stand: Bench, worker: subprocess.Popen[bytes], log: Path) -> Iterator[None]:
    """Both processes of the pool are at work, and more waits."""
    stand.assert_works(worker, log)
    names = [f"{worker.pid}-{number}" for number in range(6)]
    for name in names:
        stand.send(name, 0.5)
    until(lambda: stand.cache.smismember(chores.BEGUN, names).count(1) >= 2, what="two tasks to begin")
    yield


@contextlib.contextmanager
def flooded(stand: Bench, worker: subprocess.Popen[bytes], log: Path) -> Iterator[None]:
    """Short tasks begin and end all the time, so that some are handed over at the moment of the stop."""
    stand.assert_works(worker, log)
    for number in range(BURST):
        stand.send(f"{worker.pid}-{number}", BURST_SECONDS)
    until(lambda: stand.cache.sismember(chores.DONE, f"{worker.pid}-2"), what="the first tasks")
    yield


@contextlib.contextmanager
def mid_acknowledgement(stand: Bench, worker: subprocess.Popen[bytes], log: Path) -> Iterator[None]:
    """An acknowledgement has just been cut off, and the broker is away."""
    stand.assert_works(worker, log)
    before = stand.door.cuts
    stand.door.wait_for(b"HDEL", b"unacked", manner="after", shut_seconds=3.0)
    for number in range(4):
        stand.send(f"{worker.pid}-{number}", 0.05)
    until(lambda: stand.door.cuts > before, what="the acknowledgement")
    yield


@contextlib.contextmanager
def broker_away(stand: Bench, worker: subprocess.Popen[bytes], log: Path) -> Iterator[None]:
    """Tasks run, and connections to the broker are refused."""
    stand.assert_works(worker, log)
    stand.send(f"{worker.pid}-long", 1.0)
    until(lambda: stand.cache.sismember(chores.BEGUN, f"{worker.pid}-long"), what="a task to begin")
    stand.door.shut()
    yield
    stand.door.admit()


@contextlib.contextmanager
def broker_paused(stand: Bench, worker: subprocess.Popen[bytes], log: Path) -> Iterator[None]:
    """Tasks run, and the broker takes everything and does not answer."""
    stand.assert_works(worker, log)
    stand.send(f"{worker.pid}-long", 0.5)
    until(lambda: stand.cache.sismember(chores.BEGUN, f"{worker.pid}-long"), what="a task to begin")
    os.kill(stand.broker_pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(stand.broker_pid, signal.SIGCONT)


@contextlib.contextmanager
def starting(stand: Bench, worker: subprocess.Popen[bytes], log: Path) -> Iterator[None]:
    """Its pool has just been forked; it may or may not hear messages already."""
    until(lambda: servers.descendants(worker.pid), timeout_seconds=30, what="the pool")
    yield


@contextlib.contextmanager
def waiting_for_a_broker(stand: Bench, worker: subprocess.Popen[bytes], log: Path) -> Iterator[None]:
    """It has never reached its broker."""
    stand.door.shut()
    until(lambda: servers.descendants(worker.pid), timeout_seconds=30, what="the pool")
    yield
    stand.door.admit()


SITUATIONS = [
    idle,
    busy,
    flooded,
    mid_acknowledgement,
    broker_away,
    broker_paused,
    starting,
    waiting_for_a_broker,
]


@pytest.mark.timeout(120 + 10 * STOPS)
def test_worker_ends_in_time_in_every_situation(tmp_path: Path) -> None:
    with ThreadPoolExecutor(AT_ONCE) as threads:
        runs = [threads.submit(stops, tmp_path / str(row), row) for row in range(AT_ONCE)]
        found = [took for run in runs for took in run.result()]
    assert len(found) >= STOPS
    by_name: dict[str, list[float]] = {}
    for name, seconds in found:
        by_name.setdefault(name, []).append(seconds)
    for name, took in by_name.items():
        print(f"{name}: {len(took)} stops, the longest {max(took):.1f} s")


def stops(directory: Path, row: int) -> list[tuple[str, float]]:
    """A share of the stops; the situation and the seconds of each."""
    found: list[tuple[str, float]] = []
    directory.mkdir()
    with bench.running(directory) as stand:
        for number in range(row, STOPS + (-STOPS % AT_ONCE), AT_ONCE):
            found.append(stop(stand, SITUATIONS[number % len(SITUATIONS)]))
            stand.broker.flushall()
    return found


def stop(stand: Bench, situation: object) -> tuple[str, float]:
    """One worker from start to end; AssertionError when it does not end as it should."""
    name: str = situation.__name__  # type: ignore[attr-defined]
    with stand.worker() as (worker, log):
        with situation(stand, worker, log):  # type: ignore[operator]
            before = time.monotonic()
            worker.send_signal(signal.SIGTERM)
            code = servers.end_of(worker, log, bench.STOP_SECONDS)
            seconds = time.monotonic() - before
        assert code == 0, f"{name}: {code}\n{bench.tail(log)}"
        return name, seconds
