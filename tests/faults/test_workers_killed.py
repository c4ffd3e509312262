"""Workers that are killed lose nothing: the supervisor starts others, and the replica says where to go on."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import catalogue
from tests.e2e.catalogue import CACHED, Provider, Workspace
from tests.faults import checker, redisserver, stage
from tests.faults.recorder import Recorder
from tests.faults.stage import SETTLE_SECONDS
from tests.servers import Server
from tests.waiting import until

pytestmark = pytest.mark.e2e

COUNT = 5_000


def load(workspace: Workspace, directory: Path, count: int) -> None:
    """Store many flavours of about two kilobytes at once."""
    objects = [
        catalogue.flavour(f"cpu-{number:05d}", cores=1 + number % 500) for number in range(1, count + 1)
    ]
    for obj in objects:
        obj["metadata"]["annotations"] = {"description": "x" * 1500}
    file = directory / "flavours.json"
    file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
    workspace.server.manage("apply", "-f", str(file), "--workspace", workspace.path)


def kill_in_the_middle_of_the_fill(server: Server, replicas: Any, cluster: str) -> int:
    """kill -9 the worker and its pool while a generation is partly written; how much of it was."""
    prefix = until(lambda: redisserver.keys_of(replicas, cluster), what="the first keys")
    until(lambda: redisserver.filled(replicas, prefix), what="the first objects")
    with server.paused("worker"):
        written = redisserver.filled(replicas, prefix)
        assert 0 < written < COUNT, "the fill was over too soon"
        assert not replicas.exists(f"{prefix}:meta"), "the fill was over too soon"
        os.kill(server.pids("worker")[0], signal.SIGKILL)
    return written


def test_worker_killed_in_the_middle_of_a_fill(victim: Server, recorder: Recorder, tmp_path: Path) -> None:
    cloud = catalogue.with_flavours(victim, count=0)
    load(cloud, tmp_path, COUNT)
    replicas = redisserver.client(redisserver.socket_path(victim))
    killed = victim.pids("worker")[0]
    cloud.create(CACHED, catalogue.cached_resource())
    kill_in_the_middle_of_the_fill(victim, replicas, cloud.cluster)
    until(lambda: set(victim.pids("worker")) - {killed}, what="another worker")
    began = time.monotonic()
    identity = catalogue.ready_identity(cloud)
    catalogue.until_counts(cloud, local=COUNT, cache=COUNT)
    assert time.monotonic() - began < SETTLE_SECONDS
    catalogue.export(cloud, identity)
    alice = Provider(cloud, identity).consumer()
    read, source = recorder.read(alice.url(catalogue.FLAVOURS)), recorder.read(cloud.url(catalogue.FLAVOURS))
    assert len(read.items) == COUNT
    assert not checker.equal_to_source(read, source, alice.cluster)
    assert not stage.verify_replica(victim)


def test_worker_killed_in_the_middle_of_a_stream_of_changes(victim: Server, recorder: Recorder) -> None:
    scene = stage.build(victim, recorder)
    consumers, providers = recorder.watch(scene.path, 5), recorder.watch(scene.source_path)
    with scene.writer(), scene.writer():
        for _ in range(2):
            stage.moving(scene)
            victim.kill_worker()
        stage.moving(scene)
    stage.assert_well(scene)
    assert not scene.ledger.not_acknowledged()
    assert len(consumers[0].changes) == len(providers[0].changes)
