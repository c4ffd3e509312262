"""A watcher that does not read is cut off; it costs the others no time and the server no memory without bound."""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

import pytest

from tests.e2e import catalogue
from tests.e2e.catalogue import CACHED
from tests.e2e.http import API
from tests.faults import checker, gauges, stage
from tests.faults.recorder import Recorder
from tests.faults.stage import Stage
from tests.faults.test_workers_killed import load
from tests.servers import Server
from tests.waiting import until

pytestmark = pytest.mark.e2e

COUNT = 3_000
EDITS = 6  # of the selector; every second one takes all objects out, the others bring them back
MORE_BYTES = 150 * 1024 * 1024


@contextlib.contextmanager
def stalled_watch(scene: Stage) -> Iterator[ssl.SSLSocket]:
    """A watch whose client reads the head of the answer and nothing more."""
    endpoint = scene.recorder.endpoint
    parts = urlsplit(endpoint.url)
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    plain.connect((parts.hostname, parts.port))
    plain.settimeout(10)
    with endpoint.tls().wrap_socket(plain, server_hostname=parts.hostname) as connection:
        version = scene.recorder.read(scene.path).revision
        lines = [
            f"GET {scene.path}?watch=true&resourceVersion={version} HTTP/1.1",
            f"host: {parts.netloc}",
            f"authorization: Bearer {endpoint.token}",
        ]
        connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n")
        assert connection.recv(12) == b"HTTP/1.1 200"
        assert gauges.holds_connection(scene.server.pids("web")[0], connection.getsockname()[1])
        yield connection


def bytes_left(connection: ssl.SSLSocket) -> int:
    """Read what was on its way until the server's end; TimeoutError when it does not come."""
    total = 0
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        while piece := connection.recv(2**16):
            total += len(piece)
    return total


def test_slow_watcher_is_cut_off_and_the_others_are_not_slowed(
    victim: Server, recorder: Recorder, tmp_path: Path
) -> None:
    cloud = catalogue.with_flavours(victim, count=1)
    load(cloud, tmp_path, COUNT)
    identity = catalogue.replicate(cloud)
    catalogue.export(cloud, identity)
    scene = Stage(victim, recorder, cloud, catalogue.Provider(cloud, identity).consumer())
    recorder.watch(scene.path, 3)
    web = victim.pids("web")[0]
    before, cut_off_before = gauges.read(web), cut_off(victim)
    with stalled_watch(scene) as stalled:
        for number in range(1, EDITS + 1):
            nobody = {"matchLabels": {"nobody": "has"}} if number % 2 else None
            cloud.merge(f"{CACHED}/cpuflavors-v1", {"spec": {"labelSelector": nobody}})
            until_seen(scene, number * COUNT)
        until(
            lambda: not gauges.holds_connection(web, stalled.getsockname()[1]),
            what="the server to let go of the connection",
        )
        assert gauges.read(web).memory_bytes < before.memory_bytes + MORE_BYTES
        assert median(delays(scene, 20)) < 0.5
        sent = bytes_left(stalled)
    whole = sum(len(change.seen.body) for change in recorder.watchers[0].changes)
    assert sent < whole / 2, "the slow watcher was not cut off"
    assert cut_off(victim) == cut_off_before + 1
    assert not any(watcher.resumptions for watcher in recorder.watchers)
    listing, source = scene.settle()
    for watcher in recorder.watchers:
        stage.none(checker.history(watcher) + checker.rebuilt(watcher, listing))
    stage.none(checker.equal_to_source(listing, source, scene.consumer.cluster, entered=True))
    stage.none(stage.verify_replica(victim))


def cut_off(server: Server) -> float:
    """How many watches were ended because their client did not keep up, as the metrics have it."""
    metrics = API(server).request("GET", "/metrics").content.decode()
    (line,) = (line for line in metrics.splitlines() if line.startswith("kcpcache_slow_watchers_total "))
    return float(line.split()[1])


def delays(scene: Stage, count: int) -> list[float]:
    """Seconds from the acknowledgement of a write to the sight of it by every watcher that reads."""
    found = []
    writer = scene.writer()
    for _ in range(count):
        before = len(scene.recorder.watchers[0].changes)
        scene.recorder.background.run(writer.repeat(1))
        acknowledged = time.monotonic()
        until_seen(scene, before + 1)
        found.append(time.monotonic() - acknowledged)
    return found


def until_seen(scene: Stage, count: int) -> None:
    """Wait until every watcher that reads has seen so many changes."""
    until(
        lambda: all(len(each.changes) >= count for each in scene.recorder.watchers),
        timeout_seconds=30,
        what=f"{count} changes to be seen by all who read",
    )
