"""One deployment for all tests of this directory."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.topology.deployment import Deployment


@pytest.fixture(scope="session")
def deployment(tmp_path_factory: pytest.TempPathFactory, postgres_url: str) -> Iterator[Deployment]:
    """Two web processes, two workers, beat, PostgreSQL and Redis."""
    with Deployment(tmp_path_factory.mktemp("topology"), postgres_url).running() as running:
        yield running
