"""Processes that write to one SQLite file take turns."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.waiting import until
from workspaces.store import locks, turns
from workspaces.store.turns import Turns

_GREEDY = """
import sys, time
from workspaces.store.turns import Turns
turns = Turns(sys.argv[1])
print("begun", flush=True)
while True:
    assert turns.take()
    time.sleep(0.003)
    turns.give_back()
"""
_HOLDER = """
import sys, time
from workspaces.store.turns import Turns
turns = Turns(sys.argv[1])
assert turns.take()
print("begun", flush=True)
time.sleep(60)
"""


@pytest.fixture
def database(tmp_path: Path) -> str:
    """Where the database would be."""
    return str(tmp_path / "store.sqlite3")


@pytest.fixture
def others(database: str) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Other processes of a program."""
    processes: list[subprocess.Popen[bytes]] = []
    yield processes
    for process in processes:
        process.kill()
        process.communicate()


def begun(program: str, database: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen([sys.executable, "-c", program, database], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"begun\n"
    return process


def test_who_waits_comes_next_whatever_the_others_want(
    database: str, others: list[subprocess.Popen[bytes]]
) -> None:
    others += [begun(_GREEDY, database) for _ in range(3)]
    mine = Turns(database)
    waits = []
    for _ in range(50):
        began = time.monotonic()
        assert mine.take()
        waits.append(time.monotonic() - began)
        mine.give_back()
    assert sorted(waits)[len(waits) // 2] < turns.LONGEST_SECONDS / 10, (
        "others were served again and again meanwhile"
    )
    mine.close()


def test_lock_of_a_process_that_dies_is_free(database: str, others: list[subprocess.Popen[bytes]]) -> None:
    others.append(begun(_HOLDER, database))
    others[0].kill()
    mine = Turns(database)
    assert mine.take()
    mine.close()


def test_process_that_stands_still_stops_nobody(
    database: str, others: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite decides then, as without a queue; and the queue works again afterwards."""
    monkeypatch.setattr(turns, "LONGEST_SECONDS", 0.2)
    others.append(begun(_HOLDER, database))
    os.kill(others[0].pid, signal.SIGSTOP)
    queue = locks.SQLiteQueue(database)
    for _ in range(2):
        queue.acquire()
        queue.release()
        assert queue.turns._patience_seconds == turns.DOUBTFUL_SECONDS, "the next would wait as long"
    os.kill(others[0].pid, signal.SIGKILL)
    until(queue.turns.take, what="the turn")
    assert queue.turns._patience_seconds == turns.LONGEST_SECONDS
    queue.turns.close()


def test_forked_child_does_not_share_its_parent_s_turn(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "LONGEST_SECONDS", 0.2)
    queue = locks._sqlite_queues.setdefault(database, locks.SQLiteQueue(database))
    queue.acquire()
    child = os.fork()
    if not child:
        has_turn = locks._sqlite_queues.setdefault(database, locks.SQLiteQueue(database)).turns.take()
        os._exit(1 if has_turn else 0)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0, "the child wrote while its parent did"
    queue.release()
    del locks._sqlite_queues[database]
    queue.turns.close()


def test_directory_that_cannot_be_written_leaves_it_to_sqlite(tmp_path: Path) -> None:
    assert not Turns(str(tmp_path / "missing" / "store.sqlite3")).take()


def test_file_system_without_locks_leaves_it_to_sqlite(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(descriptor: int, operation: int) -> None:
        if operation != fcntl.LOCK_UN:
            raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    mine = Turns(database)
    assert not mine.take()
    mine.close()
    queue = locks.SQLiteQueue(database)
    queue.acquire()
    queue.release()
    queue.turns.close()
