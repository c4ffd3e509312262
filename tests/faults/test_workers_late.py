"""A worker that was stopped, or whose commands were on their way for long, does not overwrite what others wrote."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from supervisor import programs
from tests import servers
from tests.e2e import catalogue
from tests.e2e.catalogue import CACHED
from tests.faults import redisserver, stage
from tests.faults.proxy import Proxy
from tests.faults.recorder import Recorder
from tests.faults.stage import Stage
from tests.servers import Server
from tests.waiting import until

pytestmark = pytest.mark.e2e

TAKEN_OVER_SECONDS = 20.0  # another worker starts, the lease runs out, the sweep comes


@pytest.fixture(scope="module")
def workerless(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A service whose workers the tests start."""
    with servers.running(tmp_path_factory.mktemp("workerless") / "data", "--without", "worker") as running:
        yield running


@pytest.fixture
def recorder(workerless: Server) -> Iterator[Recorder]:
    """Records watches of the service for one test."""
    with Recorder(stage.endpoint(workerless)) as made:
        yield made


@contextlib.contextmanager
def worker(server: Server, **environment: str) -> Iterator[list[int]]:
    """A worker with one process; the process ids, complete when it is at work."""
    command = [*programs.worker().command, "--concurrency", "1"]
    base = programs.environment(servers.PROJECT, server.data_dir)
    log = server.data_dir.with_name("worker.log").open("ab")
    with (
        log,
        subprocess.Popen(
            command,
            env={**base, **server.environment, **environment},
            stdout=log,
            stderr=log,
            process_group=0,
        ) as process,
    ):
        try:
            pids = until(
                lambda: servers.descendants(process.pid), timeout_seconds=30, what="the worker's pool"
            )
            yield [process.pid, *pids]
        finally:
            kill([process.pid])


def kill(pids: list[int]) -> None:
    """End a worker at once; what it has sent may still be on its way."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pids[0], signal.SIGKILL)


@contextlib.contextmanager
def behind_a_door(server: Server) -> Iterator[tuple[Proxy, dict[str, str]]]:
    """A proxy in front of the server's Redis, and the environment of a worker that goes through it."""
    path = redisserver.socket_path(server)
    with tempfile.TemporaryDirectory() as directory, Proxy(Path(directory) / "door.sock", path) as proxy:
        yield (
            proxy,
            {
                "KCPCACHE_REDIS_URL": f"unix://{proxy.path}?db=0",
                "KCPCACHE_BROKER_URL": f"redis+socket://{path}?virtual_host=1",
            },
        )


def stop_within_a_turn(scene: Stage, pids: list[int]) -> None:
    """SIGSTOP a worker at a moment when it has the replica's lease."""
    replicas = redisserver.client(redisserver.socket_path(scene.server))
    lease = redisserver.keys_of(replicas, scene.provider.cluster) + ":lease"

    def stopped() -> bool:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        if replicas.exists(lease):
            return True
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
        return False

    until(stopped, what="the worker to be in the middle of a batch")


def test_worker_that_is_stopped_and_wakes_up_late(workerless: Server, recorder: Recorder) -> None:
    with worker(workerless) as first:
        scene = stage.build(workerless, recorder)
        recorder.watch(scene.path, 3)
        with scene.writer(0.002), scene.writer(0.002):
            stage.moving(scene)
            stop_within_a_turn(scene, first)
            with worker(workerless):
                stage.moving(scene)
                for pid in first:
                    os.kill(pid, signal.SIGCONT)
                stage.moving(scene)
        stage.assert_well(scene)


def test_batch_that_arrives_when_another_worker_has_taken_over(
    workerless: Server, recorder: Recorder
) -> None:
    with (
        behind_a_door(workerless) as (proxy, environment),
        worker(workerless, **environment) as first,
        contextlib.ExitStack() as others,
    ):
        scene = stage.build(workerless, recorder)
        recorder.watch(scene.path, 3)
        with scene.writer(0.01):
            stage.moving(scene)
            proxy.hold(b"EVALSHA", b":stream")
            until(lambda: proxy.held, what="a batch to be held back")
            kill(first)  # else it would take every other message, and be held back with each
            others.enter_context(worker(workerless))
            stage.moving(scene)
            proxy.release()
            until(lambda: proxy.answers, what="Redis to answer the batch")
        stage.assert_well(scene)
    assert b"cursor" in proxy.answers[0]


def test_fill_that_is_switched_over_when_another_worker_has_filled(
    workerless: Server, recorder: Recorder
) -> None:
    with behind_a_door(workerless) as (proxy, environment), worker(workerless, **environment) as first:
        cloud = catalogue.with_flavours(workerless, count=20)
        proxy.hold(b"EVALSHA", b":generations")
        cloud.create(CACHED, catalogue.cached_resource())
        until(lambda: proxy.held, what="a fill to be held back")
        kill(first)
        with worker(workerless):
            replicas = redisserver.client(redisserver.socket_path(workerless))
            prefix = redisserver.keys_of(replicas, cloud.cluster)
            until(
                lambda: replicas.hget(f"{prefix}:meta", "count") == "20",
                timeout_seconds=TAKEN_OVER_SECONDS,
                what="another worker to fill",
            )
            proxy.release()
            until(lambda: proxy.answers, what="Redis to answer the fill")
            catalogue.until_counts(cloud, local=20, cache=20)
    assert b"epoch" in proxy.answers[0]
    stage.none(stage.verify_replica(workerless))
