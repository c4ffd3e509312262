"""Who commits wakes the followers of other processes over Redis; nobody needs to poll for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import redis
from django.conf import settings
from django.test import override_settings

from kcpcache.apimachinery.storage import Collection
from replication.replica import connection, keys, logchannel
from tests.contract import databases
from tests.e2e import catalogue
from tests.e2e.catalogue import Workspace
from tests.topology.deployment import Deployment
from tests.waiting import until
from workspaces.store import broadcast

pytestmark = pytest.mark.e2e

MAPS = "/api/v1/namespaces/default/configmaps"


@pytest.fixture
def channel(deployment: Deployment) -> str:
    """The name of the channel; one of its listeners is this test's process once it follows."""
    return keys.log_channel(settings.KCPCACHE_SHARD)


def listeners(deployment: Deployment, channel: str) -> int:
    """How many processes listen."""
    with redis.Redis.from_url(deployment.redis_url) as client:
        ((_, count),) = client.pubsub_numsub(channel)
        return int(count)


@pytest.fixture
def follower_that_does_not_poll(
    deployment: Deployment, channel: str, django_db_blocker: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """This process follows the log as a web process does, but reads it only when it is woken."""
    before = listeners(deployment, channel)
    monkeypatch.setattr(broadcast, "POLL_SECONDS", 3600.0)
    with (
        django_db_blocker.unblock(),
        databases.pointed_at(deployment.database_url),
        override_settings(KCPCACHE_REDIS_URL=deployment.redis_url),
    ):
        connection.forget()
        broadcast.start()
        logchannel.start()
        try:
            until(lambda: listeners(deployment, channel) == before + 1, what="this process to listen")
            yield
        finally:
            logchannel.stop()
            broadcast.stop()
            connection.forget()


def test_each_web_process_listens(deployment: Deployment, channel: str) -> None:
    until(lambda: listeners(deployment, channel) == len(deployment.webs), what="both to listen")


def test_change_through_a_web_process_wakes_the_follower_of_another(
    deployment: Deployment, follower_that_does_not_poll: None
) -> None:
    place: Workspace = catalogue.workspace(deployment.a, "broadcast")
    mailbox = broadcast.hub().subscribe(Collection(place.cluster, "", "configmaps"))
    for number in range(10):
        created = place.create(MAPS, {"metadata": {"name": f"announced-{number}"}})
        (event,) = until(mailbox.take, what="the event")
        assert event.revision == int(created["metadata"]["resourceVersion"])


def test_change_by_a_worker_wakes_the_follower_of_another(
    deployment: Deployment, follower_that_does_not_poll: None
) -> None:
    mailbox = broadcast.hub().subscribe(Collection("root", "tenancy.kcp.io", "workspaces"))
    place = catalogue.workspace(deployment.a, "broadcast")
    name = place.path.rpartition(":")[2]
    seen: list[Any] = []

    def is_ready() -> bool:
        seen.extend(mailbox.take())
        return any(event.key.name == name and b'"phase":"Ready"' in event.body for event in seen)

    until(is_ready, what="the status that a worker wrote")
