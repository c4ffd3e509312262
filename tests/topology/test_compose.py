"""docker-compose.yml declares what the other tests of this directory run."""

from __future__ import annotations

import pytest
from django.conf import settings

from supervisor import programs
from tests.topology import compose
from tests.topology.deployment import Deployment
from tests.waiting import until

pytestmark = pytest.mark.e2e


def test_every_service_that_stays_is_healthy(deployment: Deployment) -> None:
    assert {container.service.name for container in deployment.containers()} | {"prepare"} == set(
        deployment.services
    )
    for container in deployment.containers():
        container.until_healthy()


def test_everything_waits_for_the_preparation_and_that_for_the_servers(deployment: Deployment) -> None:
    services = deployment.services
    for name in ("web", "worker", "beat"):
        assert services[name].waits_for == {"prepare": "service_completed_successfully"}
    healthy = "service_healthy"
    assert services["prepare"].waits_for == {"postgres": healthy, "redis": healthy}


def test_workers_take_every_queue(deployment: Deployment) -> None:
    (option,) = (part for part in deployment.services["worker"].command if part.startswith("--queues="))
    queues = set(option.partition("=")[2].split(","))
    routed = {route["queue"] for route in settings.CELERY_TASK_ROUTES.values()}
    assert queues == routed | {settings.CELERY_TASK_DEFAULT_QUEUE} == set(programs.QUEUES.split(","))


def test_variables_without_a_default_must_be_given() -> None:
    with pytest.raises(AssertionError, match="POSTGRES_PASSWORD must be given"):
        compose.load({})


def test_redis_refuses_who_has_no_password(deployment: Deployment) -> None:
    redis = deployment.another("redis", 2)
    redis.environment["REDISCLI_AUTH"] = "another"
    assert not redis.is_healthy()


def test_hearts_of_workers_and_beat_go_on_beating(deployment: Deployment) -> None:
    for container in (*deployment.workers, deployment.beat):
        heartbeat = container.data_dir.parent / "tmp" / "heartbeat"
        heartbeat.unlink()
        until(heartbeat.exists, what=f"a heartbeat of {container.name}")
        assert container.is_healthy()


def test_web_process_that_is_stopped_is_not_healthy(deployment: Deployment) -> None:
    web = deployment.web("web-unstarted", 9).container
    assert not web.is_healthy()
