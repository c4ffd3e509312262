"""Two beats at once do no harm: every task they send is a sweep."""

from __future__ import annotations

import pytest
import redis
from django.conf import settings

from tests.e2e import catalogue
from tests.e2e.catalogue import FLAVOURS, flavour
from tests.topology.deployment import Deployment
from tests.topology.watching import until_events, version
from tests.waiting import until

pytestmark = pytest.mark.e2e

WRITES = 20


def test_two_beats_repeat_nothing_and_pile_nothing_up(deployment: Deployment) -> None:
    second = deployment.another("beat", 2).start().until_healthy()
    try:
        provider = catalogue.publish(deployment.a, count=1)
        cloud, alice = provider.workspace, provider.consumer()
        with alice.api.watch(alice.url(FLAVOURS), resourceVersion=version(alice.get(FLAVOURS))) as events:
            for number in range(WRITES):
                cloud.create(FLAVOURS, flavour(f"beaten-{number}"))
            seen = until_events(events, WRITES)
            catalogue.until_counts(cloud, local=WRITES + 1, cache=WRITES + 1)
            assert [event["object"]["metadata"]["name"] for event in events.all] == [
                f"beaten-{number}" for number in range(WRITES)
            ]
        assert len(seen) == WRITES
        for container in (second, deployment.beat):
            container.until_healthy()
        until(lambda: waiting(deployment) == 0, what="the queues to be empty")
    finally:
        assert second.stop() == 0, second.output()


def waiting(deployment: Deployment) -> int:
    """How many messages wait for a worker."""
    queues = {route["queue"] for route in settings.CELERY_TASK_ROUTES.values()}
    with redis.Redis.from_url(deployment.beat.environment["KCPCACHE_BROKER_URL"]) as broker:
        return sum(int(broker.llen(queue)) for queue in queues)
