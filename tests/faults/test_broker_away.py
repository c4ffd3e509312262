"""The broker carries hints only: without it no write fails or waits, and nothing stays behind."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import servers
from tests.faults import stage
from tests.faults.recorder import Recorder
from tests.servers import Server

pytestmark = pytest.mark.e2e

WRITES, WRITERS = 1_000, 4
LONGEST_WRITE_SECONDS = 2.0


class Broker:
    """A Redis of its own that only carries messages; it can be taken away."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.url = f"redis+socket://{path}?virtual_host=0"
        self._running = contextlib.ExitStack()

    def start(self) -> None:
        """Run it, empty."""
        self._running.enter_context(servers.redis(self.path))

    def kill(self) -> None:
        """kill -9."""
        self._running.close()
        self.path.unlink(missing_ok=True)


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A broker that runs."""
    made = Broker(tmp_path_factory.mktemp("broker") / "redis.sock")
    made.start()
    yield made
    made.kill()


@pytest.fixture(scope="module")
def brokered(tmp_path_factory: pytest.TempPathFactory, broker: Broker) -> Iterator[Server]:
    """A service whose broker is not the Redis of its cache."""
    data_dir = tmp_path_factory.mktemp("brokered") / "data"
    with servers.running(data_dir, KCPCACHE_BROKER_URL=broker.url) as running:
        yield running


def test_a_thousand_writes_without_a_broker(brokered: Server, broker: Broker) -> None:
    with Recorder(stage.endpoint(brokered)) as recorder:
        scene = stage.build(brokered, recorder)
        recorder.watch(scene.path, 3)
        broker.kill()
        writers = [scene.writer() for _ in range(WRITERS)]
        writing = [recorder.background.start(writer.repeat(WRITES // WRITERS)) for writer in writers]
        for each in writing:
            each.result(60)
        assert not scene.ledger.not_acknowledged()
        assert len(scene.ledger.writes) == WRITES
        assert max(write.seconds for write in scene.ledger.writes) < LONGEST_WRITE_SECONDS
        assert not recorder.watchers[0].changes, "without messages no worker knows"
        broker.start()
        stage.assert_well(scene)
        assert len(recorder.watchers[0].changes) == WRITES
