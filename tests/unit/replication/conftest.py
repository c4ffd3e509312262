"""A database in a file, a real Redis, and one replica between them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from replication.replica import connection, mirrors, reader
from tests.contract import databases
from tests.contract.replica import ReplicaHarness
from tests.unit.insight import installation


@pytest.fixture(scope="session")
def store_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URL of a SQLite file for the store."""
    return f"sqlite:///{tmp_path_factory.mktemp('replication') / 'store.sqlite3'}"


@pytest.fixture
def replica(
    cache_server: str, store_url: str, django_db_blocker: object, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ReplicaHarness]:
    """An empty store and a replica of one of its collections, filled, on each cache server."""
    monkeypatch.setattr(reader, "WAIT_SECONDS", 0.5)
    monkeypatch.setattr(mirrors, "_POLL_SECONDS", 0.05)  # a listener ends between two polls
    with django_db_blocker.unblock(), databases.migrated(store_url), ExitStack() as stack:  # type: ignore[attr-defined]
        connection.forget()
        yield ReplicaHarness(stack)


@pytest.fixture
def cloud(
    redis_server: str, store_url: str, django_db_blocker: object, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """An empty installation with a provider and two consumers, in which tests do the workers' part."""
    with django_db_blocker.unblock(), installation.empty(store_url, monkeypatch):  # type: ignore[attr-defined]
        yield
