"""A store in a file and a real Redis, with a provider that publishes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.insight import installation


@pytest.fixture(scope="session")
def store_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URL of a SQLite file for the store."""
    return f"sqlite:///{tmp_path_factory.mktemp('operators') / 'store.sqlite3'}"


@pytest.fixture
def cloud(
    redis_server: str, store_url: str, django_db_blocker: object, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """An empty installation with a provider and two consumers, and a worker that has left a sign of life."""
    with django_db_blocker.unblock(), installation.empty(store_url, monkeypatch):  # type: ignore[attr-defined]
        installation.worker_at_work()
        yield


@pytest.fixture
def published(cloud: None) -> None:
    """The provider publishes cpu-1 and cpu-2, and alice is bound."""
    installation.publish("cpu-1", "cpu-2")
