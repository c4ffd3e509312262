"""Redis loses everything while it is read: every answer is whole or says when to come again, and nobody need act."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import redis

from tests.faults import checker, redisserver, stage
from tests.faults.recorder import Recorder
from tests.faults.stage import SETTLE_SECONDS, Stage
from tests.servers import Server
from tests.waiting import until

pytestmark = pytest.mark.e2e

COUNT = 200
LONGEST_SECONDS = 2.0  # that any single read or write may take


def flush(server: Server) -> None:
    """Empty the cache, and the broker with it."""
    redisserver.client(redisserver.socket_path(server)).flushall()


def kill_and_restart_empty(server: Server) -> None:
    """kill -9 Redis, and let the supervisor start one that has nothing."""
    path = redisserver.socket_path(server)
    redisserver.lose_files(path)
    server.kill("redis")
    until(lambda: _answers(path), what="the new Redis")


def _answers(path: Path) -> bool:
    try:
        return bool(redisserver.client(path).ping())
    except redis.RedisError:
        return False


@pytest.mark.parametrize("lose", [flush, kill_and_restart_empty])
def test_reads_are_whole_or_unavailable_and_the_replica_is_filled_again(
    victim: Server, recorder: Recorder, lose: Callable[[Server], None]
) -> None:
    scene = stage.build(victim, recorder, COUNT)
    (provider,) = recorder.watch(scene.source_path)
    recorder.watch(scene.path, 3)
    with scene.reader() as one, scene.reader() as two, scene.writer(0.01):
        until(lambda: one.reads.count > 50, what="reads")
        for _ in range(2):
            lose(victim)
            until(lambda: is_replicated(scene), timeout_seconds=SETTLE_SECONDS, what="the replica")
    reads = [one.reads, two.reads]
    assert not [wrong for each in reads for wrong in each.wrong]
    assert not scene.ledger.not_acknowledged()
    lists = [listing for each in reads for listing in each.lists]
    assert min(len(listing.items) for listing in lists) >= COUNT
    assert not checker.consistent(lists, provider)
    assert not [each for each in reads if not each.goes_forward()]
    assert not checker.one_body_each(lists, recorder.watchers[1:])
    stage.assert_well(scene)


def is_replicated(scene: Stage) -> bool:
    """Whether Redis holds what the provider has, though nobody asked for it."""
    replicas = redisserver.client(redisserver.socket_path(scene.server))
    prefix = redisserver.keys_of(replicas, scene.provider.cluster)
    return bool(prefix) and int(replicas.hget(f"{prefix}:meta", "count") or 0) >= COUNT


def test_reads_and_writes_do_not_wait_for_a_redis_that_does_not_answer(
    victim: Server, recorder: Recorder
) -> None:
    scene = stage.build(victim, recorder, COUNT)
    (provider,) = recorder.watch(scene.source_path)
    recorder.watch(scene.path, 3)
    with scene.reader() as reader, scene.writer(0.01):
        until(lambda: reader.reads.count > 50, what="reads")
        with victim.paused("redis"):
            before = reader.reads.count
            until(lambda: reader.reads.count > before + 200, what="reads while Redis is paused")
        stage.moving(scene)
    assert not reader.reads.wrong
    assert not scene.ledger.not_acknowledged()
    assert max(reader.reads.seconds) < LONGEST_SECONDS
    assert max(write.seconds for write in scene.ledger.writes) < LONGEST_SECONDS
    assert not checker.consistent(reader.reads.lists, provider)
    stage.assert_well(scene)
