"""The contract suite runs on every storage there is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.contract import databases
from tests.contract.harness import Harness, MemoryHarness, SQLHarness
from workspaces.store import sql


@pytest.fixture(scope="session")
def sqlite_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URL of a SQLite file for the store."""
    return f"sqlite:///{tmp_path_factory.mktemp('store') / 'store.sqlite3'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database(
    request: pytest.FixtureRequest, django_db_blocker: object, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """An empty store on each database; its vendor."""
    vendor: str = request.param
    url = request.getfixturevalue("sqlite_url" if vendor == "sqlite" else "postgres_url")
    monkeypatch.setattr(sql, "WAIT_SECONDS", 0.2)
    with django_db_blocker.unblock(), databases.migrated(url):  # type: ignore[attr-defined]
        yield vendor


# How each harness is made: from the request, with a stack that undoes what it did.
def _memory(request: pytest.FixtureRequest, stack: ExitStack) -> Harness:
    return MemoryHarness()


def _sql(fixture: str):  # type: ignore[no-untyped-def]
    def make(request: pytest.FixtureRequest, stack: ExitStack) -> Harness:
        url = request.getfixturevalue(fixture)
        stack.enter_context(request.getfixturevalue("django_db_blocker").unblock())
        stack.enter_context(databases.migrated(url))
        return SQLHarness()

    return make


HARNESSES = {"memory": _memory, "sqlite": _sql("sqlite_url"), "postgresql": _sql("postgres_url")}


@pytest.fixture(params=list(HARNESSES))
def harness(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Harness]:
    """An empty store of each kind."""
    monkeypatch.setattr(sql, "WAIT_SECONDS", 0.2)
    with ExitStack() as stack:
        yield HARNESSES[request.param](request, stack)
