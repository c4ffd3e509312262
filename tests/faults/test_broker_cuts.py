"""A worker whose broker is cut off at any moment, mid-word or mid-answer, never ends by itself and works on.

TEST_BROKER_CUTS sets how often it is cut, 30 by default.
"""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import pytest

from tests.faults import bench
from tests.faults.cutter import MANNERS
from tests.waiting import until

pytestmark = pytest.mark.e2e

CUTS = int(os.environ.get("TEST_BROKER_CUTS", "30"))
# What the worker says when it takes, acknowledges, restores, listens, and looks whether its connection lives.
MOMENTS = [
    (b"BRPOP",), (b"HDEL", b"unacked"), (b"HSET", b"unacked"), (b"SUBSCRIBE",), (b"ZADD",), (b"PING",), (b"",),
    (b"SADD",), (b"DEL", b"asked"), (b"HGET", b"unacked"), (b"CLIENT",), (b"LLEN",), (b"SMEMBERS",),
]  # fmt: skip
TAKEN_SECONDS = 1.0  # words that the worker says at the start only are cut at the next moment instead


@pytest.mark.timeout(120 + 3 * CUTS)
def test_worker_outlives_a_broker_that_is_cut_off_at_any_moment(tmp_path: Path) -> None:
    points = itertools.cycle(itertools.product(MANNERS, (0.0, 0.3), MOMENTS))
    with bench.running(tmp_path) as stand, stand.worker() as (worker, log):
        stand.assert_works(worker, log)
        for number, (manner, shut_seconds, words) in zip(range(CUTS), points, strict=False):
            for task in range(8):
                stand.send(f"{number}-{task}", 0.01)
            before = stand.door.cuts
            stand.door.wait_for(*words, manner=manner, shut_seconds=shut_seconds)
            try:
                until(lambda: stand.door.cuts > before, timeout_seconds=TAKEN_SECONDS, what="a cut")  # noqa: B023
            except AssertionError:
                stand.door.cut(shut_seconds)
            if number % 3 == 0:
                stand.assert_works(worker, log)
        stand.assert_works(worker, log)
        assert stand.door.cuts >= CUTS
        worker.terminate()
        assert worker.wait(bench.STOP_SECONDS) == 0, bench.tail(log)
