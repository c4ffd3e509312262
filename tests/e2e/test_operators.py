"""What operators see of a running service: broken on purpose in five ways, and the commands and Celery tell."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import servers
from tests.e2e import catalogue
from tests.e2e.catalogue import CACHED, CRDS, EXPORT, EXPORTS, FLAVOURS, flavour
from tests.servers import PROJECT, Server
from tests.waiting import until

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A service that these tests may hurt."""
    with servers.running(tmp_path_factory.mktemp("operators") / "data") as running:
        yield running


def ask(server: Server, *arguments: str) -> tuple[int, Any]:
    """Exit code and JSON of a command."""
    done = server.manage(*arguments, "--output", "json", check=False)
    return done.returncode, json.loads(done.stdout)


def broken_link(server: Server, workspace: str, name: str = "cpu-1") -> str:
    """The link at which `why` says that the chain ends; empty when it holds."""
    _, links = ask(server, "why", workspace, "cpuflavors", name)
    return "" if links[-1]["is_well"] else str(links[-1]["name"])


def celery(server: Server, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`celery -A kcpcache …` with nothing but the server's environment."""
    command = [sys.executable, "-m", "celery", "-A", "kcpcache", *arguments]
    return subprocess.run(
        command, cwd=PROJECT, env=server.environment, capture_output=True, text=True, timeout=60, check=False
    )


def test_running_service_is_well_and_scripts_can_tell(own_server: Server) -> None:
    alice = catalogue.publish(own_server).consumer()

    def is_well() -> bool:
        return own_server.manage("doctor", check=False).returncode == 0

    until(is_well, what="doctor to find nothing")
    code, found = ask(own_server, "status")
    assert code == 0, found
    assert found["is_safe_to_restart"]["is_well"]
    assert [sorted(worker["queues"]) for worker in found["workers"]] == [
        ["controllers", "default", "replication"]
    ]
    assert broken_link(own_server, alice.path) == ""


def test_celery_inspect_answers(own_server: Server) -> None:
    assert "pong" in celery(own_server, "inspect", "ping", "--timeout", "5").stdout
    assert celery(own_server, "inspect", "active", "--timeout", "5").returncode == 0
    assert "replication.tasks.sweep" in celery(own_server, "inspect", "stats", "--timeout", "5").stdout


def test_worker_for_one_queue_adds_capacity_and_ends_softly(own_server: Server) -> None:
    command = [sys.executable, "-m", "celery", "-A", "kcpcache", "worker", "-Q", "replication"]
    with subprocess.Popen(
        [*command, "-n", "second@localhost", "--concurrency", "1"],
        cwd=PROJECT,
        env=own_server.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            until(
                lambda: "second@localhost" in names(own_server), timeout_seconds=40, what="the second worker"
            )
        finally:
            process.terminate()
        assert process.wait(30) == 0
    assert "second@localhost" not in names(own_server)


def names(server: Server) -> list[str]:
    """The workers that are shown."""
    return [worker["name"] for worker in ask(server, "status")[1]["workers"]]


def test_missing_crd_is_found(own_server: Server) -> None:
    provider = catalogue.publish(own_server)
    alice = provider.consumer()
    provider.workspace.delete(f"{CRDS}/cpuflavors.{catalogue.GROUP}")
    until(lambda: broken_link(own_server, alice.path) == "source resource", what="why to name the CRD")
    _, found = ask(own_server, "cachedresources", "--workspace", provider.workspace.path)
    assert "ResourceNotFound" in [problem["reason"] for problem in found[0]["problems"]]


def test_missing_secret_is_found(own_server: Server) -> None:
    cloud = catalogue.with_flavours(own_server)
    secret = {"secretRef": {"name": "lost", "namespace": "default"}}
    cloud.create(CACHED, catalogue.cached_resource(identity=secret))
    cloud.until_condition(f"{CACHED}/cpuflavors-v1", "IdentityValid", "False")
    assert broken_link(own_server, cloud.path) == "identity"
    assert own_server.manage("cachedresources", "--workspace", cloud.path, check=False).returncode == 1


def test_wrong_hash_in_the_export_is_found(own_server: Server) -> None:
    provider = catalogue.publish(own_server)
    alice = provider.consumer()
    export = provider.workspace.get(f"{EXPORTS}/{EXPORT}")
    resources = export["spec"]["resources"]
    for entry in resources:
        if "virtual" in (entry.get("storage") or {}):
            entry["storage"]["virtual"]["identityHash"] = "f" * 64
    provider.workspace.merge(f"{EXPORTS}/{EXPORT}", {"spec": {"resources": resources}})
    assert broken_link(own_server, alice.path) == "export"


def test_stopped_worker_and_emptied_redis_are_found(tmp_path: Path) -> None:
    with servers.running(tmp_path / "data", "--without", "worker") as server:
        with server.worker():
            provider = catalogue.publish(server)
            alice = provider.consumer()
        provider.workspace.create(FLAVOURS, flavour("waiting"))
        assert broken_link(server, alice.path, "waiting") == "worker"
        _flush(server.data_dir / "redis" / "redis.sock")
        _, found = ask(server, "cachedresources", "--workspace", provider.workspace.path)
        assert {"NoWorker", "ReplicaMissing"} <= {problem["reason"] for problem in found[0]["problems"]}
        with server.worker():
            until(
                lambda: broken_link(server, alice.path, "waiting") == "",
                timeout_seconds=60,
                what="everything to be well again",
            )


def _flush(socket_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(socket_path))
        connection.sendall(b"FLUSHALL\r\n")
        assert connection.recv(16) == b"+OK\r\n"


def test_restored_store_ends_old_watches_with_410(own_server: Server, tmp_path: Path) -> None:
    provider = catalogue.publish(own_server)
    alice = provider.consumer()
    own_server.manage("backup", str(tmp_path / "backup"))
    provider.workspace.create(FLAVOURS, flavour("unsaved"))
    until(lambda: "unsaved" in alice.names(FLAVOURS), what="the change")
    version = alice.get(FLAVOURS)["metadata"]["resourceVersion"]
    with alice.api.watch(alice.url(FLAVOURS), resourceVersion=version) as events:
        own_server.manage("restore", str(tmp_path / "backup"), "--online")
        until(lambda: events.ended, timeout_seconds=30, what="the watch to end")
        assert [event["object"]["code"] for event in events.all if event["type"] == "ERROR"] == [410]
    until(lambda: alice.names(FLAVOURS) == provider.flavours, timeout_seconds=30, what="the former state")
    assert int(alice.get(FLAVOURS)["metadata"]["resourceVersion"]) > int(version)
    answer = alice.api.request(
        "GET", alice.url(f"{FLAVOURS}?watch=true&resourceVersion={version}&timeoutSeconds=1")
    )
    assert b'"code":410' in answer.content.replace(b" ", b"")


def test_database_that_was_put_back_by_hand_goes_on_above(tmp_path: Path) -> None:
    with servers.running(tmp_path / "data") as server:
        cloud = catalogue.with_flavours(server, count=1)
        assert server.stop() == 0
        database = server.data_dir / "kcpcache.sqlite3"
        saved = database.read_bytes()
        server.start()
        for number in range(5):
            cloud.create(FLAVOURS, flavour(f"lost-{number}"))
        seen = int(cloud.get(FLAVOURS)["metadata"]["resourceVersion"])
        until(lambda: _mark(server) >= seen, what="the mark to be moved")
        assert server.stop() == 0
        for suffix in ("-wal", "-shm"):
            Path(f"{database}{suffix}").unlink(missing_ok=True)
        database.write_bytes(saved)
        os.utime(database)
        server.start()
        assert cloud.names(FLAVOURS) == ["cpu-1"]
        assert int(cloud.get(FLAVOURS)["metadata"]["resourceVersion"]) > seen


def _mark(server: Server) -> int:
    path = server.data_dir / "revision.mark"
    return int(path.read_text()) if path.exists() else 0
