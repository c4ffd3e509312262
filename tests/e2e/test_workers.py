"""Replication is done by Celery workers alone, and survives whatever happens to them."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import servers
from tests.e2e import catalogue
from tests.e2e.catalogue import CACHED, FLAVOURS, flavour
from tests.servers import Server
from tests.waiting import until

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A service that these tests may hurt."""
    with servers.running(tmp_path_factory.mktemp("workers") / "data") as running:
        yield running


def test_without_workers_a_write_is_stored_and_not_replicated(tmp_path: Path) -> None:
    with servers.running(tmp_path / "data", "--without", "worker") as server:
        with server.worker():
            provider = catalogue.publish(server)
            cloud, alice = provider.workspace, provider.consumer()
        cloud.create(FLAVOURS, flavour("unseen"))
        assert "unseen" in cloud.names(FLAVOURS)
        with alice.api.watch(alice.url(FLAVOURS), timeoutSeconds="2") as events:
            until(lambda: events.ended, what="the watch to time out")
            assert "unseen" not in [name for _, name in events.seen()]
        assert alice.names(FLAVOURS) == provider.flavours
        with server.worker():
            until(lambda: "unseen" in alice.names(FLAVOURS), what="the write to be replicated")


def test_worker_that_is_killed_in_the_middle_loses_and_repeats_nothing(own_server: Server) -> None:
    provider = catalogue.publish(own_server, count=1)
    cloud, alice = provider.workspace, provider.consumer()
    start = alice.get(FLAVOURS)["metadata"]["resourceVersion"]
    with alice.api.watch(alice.url(FLAVOURS), resourceVersion=start) as events:
        for cores in range(2, 22):
            cloud.merge(f"{FLAVOURS}/cpu-1", {"spec": {"cores": cores}})
            if cores == 10:
                own_server.kill_worker()
        until(lambda: len(events.all) >= 20, timeout_seconds=30, what="all changes")
        assert [event["object"]["spec"]["cores"] for event in events.all] == list(range(2, 22))


def test_first_replication_survives_a_killed_worker(own_server: Server) -> None:
    cloud = catalogue.with_flavours(own_server, count=50)
    cloud.create(CACHED, catalogue.cached_resource())
    own_server.kill_worker()
    catalogue.ready_identity(cloud)
    catalogue.until_counts(cloud, local=50, cache=50)


def test_beat_that_is_killed_comes_back(own_server: Server) -> None:
    before = own_server.pids("beat")
    own_server.kill("beat")
    assert own_server.pids("beat") != before


def test_web_process_that_is_killed_comes_back_and_watches_resume(own_server: Server) -> None:
    provider = catalogue.publish(own_server, count=1)
    cloud, alice = provider.workspace, provider.consumer()
    version = alice.get(FLAVOURS)["metadata"]["resourceVersion"]
    cloud.merge(f"{FLAVOURS}/cpu-1", {"spec": {"cores": 7}})
    own_server.kill("web")

    def answers() -> bool:
        try:
            return alice.api.request("GET", "/readyz").status == 200
        except OSError:
            return False

    until(answers, what="the web process")
    with alice.api.watch(alice.url(FLAVOURS), resourceVersion=version) as events:
        assert events.wait_for("MODIFIED", "cpu-1")["object"]["spec"]["cores"] == 7


def test_redis_that_is_killed_comes_back_and_reads_go_on(own_server: Server) -> None:
    provider = catalogue.publish(own_server)
    cloud, alice = provider.workspace, provider.consumer()
    own_server.kill("redis")
    answer = alice.api.request("GET", alice.url(FLAVOURS))
    assert answer.status in (200, 503), answer.content
    if answer.status == 200:
        assert len(answer.json["items"]) == 3
    until(lambda: len(alice.names(FLAVOURS)) == 3, what="reads")
    cloud.create(FLAVOURS, flavour("later"))
    until(lambda: "later" in alice.names(FLAVOURS), timeout_seconds=30, what="replication to go on")


def test_restart_keeps_everything(own_server: Server) -> None:
    provider = catalogue.publish(own_server)
    cloud, alice = provider.workspace, provider.consumer()
    before = alice.get(FLAVOURS)
    kubeconfig = own_server.kubeconfig.read_text()
    authority = own_server.authority.read_text()
    assert own_server.stop() == 0
    own_server.start()
    assert own_server.kubeconfig.read_text() == kubeconfig
    assert own_server.authority.read_text() == authority
    assert alice.get(FLAVOURS)["items"] == before["items"]
    version = before["metadata"]["resourceVersion"]
    with alice.api.watch(alice.url(FLAVOURS), resourceVersion=version) as events:
        stored = cloud.create(FLAVOURS, flavour("after-restart"))
        assert int(stored["metadata"]["resourceVersion"]) > int(version)
        events.wait_for("ADDED", "after-restart")
    assert "after-restart" in alice.kubectl("get", "cpuflavors")


def test_sigkill_of_the_supervisor_leaves_no_orphan_and_the_data(own_server: Server) -> None:
    cloud = catalogue.with_flavours(own_server, count=1)
    process = own_server.process
    assert process is not None
    children = servers.descendants(process.pid)
    assert children
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    until(lambda: not [pid for pid in children if servers.alive(pid)], what="every child to end")
    own_server.start()
    assert cloud.names(FLAVOURS) == ["cpu-1"]
