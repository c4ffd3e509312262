"""A transaction that has taken a revision and commits late hides nothing from anybody."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from django.db import connections

from kcpcache.apimachinery.storage import Key
from tests.contract import databases
from tests.e2e import catalogue
from tests.e2e.catalogue import Workspace
from tests.e2e.http import Events
from tests.topology.deployment import Deployment
from tests.topology.watching import at, until_events, version
from tests.waiting import until
from workspaces.store import objects

pytestmark = pytest.mark.e2e

MAPS = "/api/v1/namespaces/default/configmaps"


class GivenBack(Exception):
    """Ends a transaction without a commit."""


class Held:
    """A transaction of the store that has written an object, and so taken its revision, and goes on."""

    def __init__(self, database_url: str, cluster: str, name: str) -> None:
        self._key = Key(cluster, "", "configmaps", "", "default", name)
        self._database_url = database_url
        self._written, self._ending = threading.Event(), threading.Event()
        self.commits = True
        self.revision = 0

    @contextlib.contextmanager
    def open(self) -> Iterator[Held]:
        """The transaction, which has its revision; it ends with the block at the latest."""
        with ThreadPoolExecutor(1) as pool, databases.pointed_at(self._database_url):
            running = pool.submit(self._hold)
            try:
                until(lambda: self._written.is_set() or running.done(), what="the revision")
                yield self
            finally:
                self.end()
                running.result(30)

    def end(self) -> None:
        """Commit, or roll back."""
        self._ending.set()

    def _hold(self) -> None:
        try:
            with contextlib.suppress(GivenBack), objects.writing([self._key]) as transaction:
                pending = transaction.put(self._key, self._object())
                transaction.flush()
                self.revision = pending.record.revision
                self._written.set()
                assert self._ending.wait(30)
                if not self.commits:
                    raise GivenBack
        finally:
            connections.close_all()

    def _object(self) -> dict[str, Any]:
        metadata = {"name": self._key.name, "namespace": "default", "uid": f"uid-of-{self._key.name}"}
        created = {"creationTimestamp": "2026-01-01T00:00:00Z"}
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {**metadata, **created}}


@pytest.fixture
def place(deployment: Deployment, django_db_blocker: Any) -> Iterator[Workspace]:
    """A workspace; the test itself may write to its database."""
    with django_db_blocker.unblock():
        yield catalogue.workspace(deployment.a, "late")


def until_a_writer_waits(deployment: Deployment) -> None:
    """Wait until some web process waits for a lock in the database."""
    with psycopg.connect(deployment.database_url, autocommit=True) as connection:
        until(
            lambda: connection.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND wait_event_type = 'Lock'"
            ).fetchone() != (0,),
            what="a writer that waits",
        )  # fmt: skip


def named(events: Events, count: int) -> list[tuple[str, int]]:
    """Names and revisions of the first events."""
    seen = until_events(events, count)
    return [(event["object"]["metadata"]["name"], int(version(event))) for event in seen]


@pytest.mark.parametrize("commits", [True, False], ids=["commit", "rollback"])
def test_later_writers_wait_and_watches_get_everything_in_order(
    deployment: Deployment, place: Workspace, commits: bool
) -> None:
    a, b = (at(place, web) for web in deployment.webs)
    before = a.create(MAPS, {"metadata": {"name": "before"}})
    with a.api.watch(a.url(MAPS), resourceVersion=version(before)) as watched, ThreadPoolExecutor(1) as pool:
        with Held(deployment.database_url, place.cluster, "late").open() as held:
            held.commits = commits
            writing = pool.submit(b.create, MAPS, {"metadata": {"name": "later"}})
            until_a_writer_waits(deployment)
            meanwhile = a.get(MAPS)
            assert int(version(meanwhile)) < held.revision
            assert "late" not in [item["metadata"]["name"] for item in meanwhile["items"]]
            assert not writing.done()
        later = int(version(writing.result(30)))
        expected = [("late", held.revision)] if commits else []
        expected.append(("later", later))
        assert named(watched, len(expected)) == expected
        assert [revision for _, revision in expected] == sorted(revision for _, revision in expected)
    with b.api.watch(b.url(MAPS), resourceVersion=version(meanwhile)) as resumed:
        assert named(resumed, len(expected)) == expected
    names = {item["metadata"]["name"] for item in b.get(MAPS)["items"]}
    assert ("late" in names) == commits
