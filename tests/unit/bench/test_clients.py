"""The clients against the floor's own server: real TLS, real streams."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import uvloop

from bench import closedloop, connection, floors, lag
from bench.closedloop import Job
from bench.target import Target


@pytest.fixture(scope="module")
def bare() -> Iterator[Target]:
    with floors.hello() as target:
        yield target


def test_every_request_of_a_list_is_sent_once(bare: Target) -> None:
    requests = [connection.encode(bare, "GET", f"/bytes/{size}") for size in range(1, 41)]
    samples = closedloop.run(Job(bare, requests, clients=4, seconds=30, repeat=False))
    assert (len(samples.latencies), samples.received_bytes, samples.failures) == (40, sum(range(1, 41)), 0)


def test_a_loop_ends_when_time_is_up(bare: Target) -> None:
    samples = closedloop.run(Job(bare, [connection.encode(bare, "GET", "/bytes/5")], clients=2, seconds=0.2))
    assert samples.wall_seconds >= 0.2
    assert samples.received_bytes == 5 * len(samples.latencies) > 0
    assert samples.client_seconds > 0


def test_an_answer_that_was_not_expected_is_a_failure(bare: Target) -> None:
    request = connection.encode(bare, "GET", "/bytes/5")
    samples = closedloop.run(Job(bare, [request] * 3, clients=1, seconds=30, repeat=False, expected=(201,)))
    assert (len(samples.latencies), samples.refused, samples.failures) == (0, {200: 3}, 3)


def test_an_answer_of_several_pieces_is_counted_whole(bare: Target) -> None:
    request = connection.encode(bare, "GET", "/bytes/3000000")
    samples = closedloop.run(Job(bare, [request], clients=1, seconds=30, repeat=False))
    assert samples.received_bytes == 3_000_000


def test_every_watch_sees_every_change(bare: Target) -> None:
    changes = lag.floor_changes(1200, 6, bare)
    lags = uvloop.run(lag.measure(bare, "/watch", 3, changes, 0.001))
    assert (lags.opened, lags.refused) == (3, {})
    assert (len(lags.last), len(lags.single)) == (5, 15)  # the first change is told apart
    assert lags.first > 0
    assert all(last >= 0 for last in lags.last)
