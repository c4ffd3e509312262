"""A service that tests may hurt, and a recorder on it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from supervisor import readiness
from tests import servers
from tests.faults import stage
from tests.faults.recorder import Recorder
from tests.servers import Server
from tests.waiting import until


@pytest.fixture(scope="session")
def victim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A whole service, shared by the tests of this folder; each leaves it well."""
    with servers.running(tmp_path_factory.mktemp("victim") / "data") as running:
        yield running


@pytest.fixture
def recorder(victim: Server) -> Iterator[Recorder]:
    """Records watches of the service, which is up again, for one test."""
    until(lambda: readiness.ready("127.0.0.1", victim.port, victim.authority), what="readyz")
    with Recorder(stage.endpoint(victim)) as made:
        yield made
