"""The contract of storages, kept by the replica: those of its tests that need no namespaces or wildcards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from replication.replica import connection, mirrors, reader
from tests.contract import databases, test_reading, test_watching
from tests.contract.replica import ReplicaHarness

_NEEDS_NAMESPACES_OR_WILDCARDS = {
    "test_get_of_missing_object_is_not_found",
    "test_list_is_ordered_byte_by_byte",
    "test_list_keeps_to_its_collection",
    "test_list_in_every_cluster_is_ordered_by_cluster_first",
    "test_list_of_a_namespace_or_a_name",
    "test_watch_of_one_name_or_namespace_tells_of_nothing_else",
    "test_watch_keeps_to_its_collection",
}

for _module in (test_reading, test_watching):
    for _name, _test in vars(_module).items():
        if _name.startswith("test_") and _name not in _NEEDS_NAMESPACES_OR_WILDCARDS:
            globals()[_name] = _test


@pytest.fixture
def harness(
    cache_server: str, sqlite_url: str, django_db_blocker: object, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ReplicaHarness]:
    """A database and an empty cache server of each kind, with one replica."""
    monkeypatch.setattr(reader, "WAIT_SECONDS", 0.5)
    monkeypatch.setattr(mirrors, "_POLL_SECONDS", 0.05)  # a listener ends between two polls
    with django_db_blocker.unblock(), databases.migrated(sqlite_url), ExitStack() as stack:  # type: ignore[attr-defined]
        connection.forget()
        yield ReplicaHarness(stack)
