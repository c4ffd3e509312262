"""Checks of the parts of the system, and the workers that have left signs of life."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.test import override_settings

from replication.insight import system, workers
from replication.replica import connection, presence
from tests.unit.insight import installation
from workspaces.registry import client
from workspaces.store import sealed
from workspaces.store.sealed import Trial

pytestmark = pytest.mark.usefixtures("cloud")


def failing() -> dict[str, str]:
    return {check.name: check.message for check in system.checks() if not check.is_well}


def test_what_runs_is_well_and_what_does_not_is_said() -> None:
    assert set(failing()) == {"beat"}
    presence.tick(connection.client())
    assert failing() == {}


def test_every_failing_check_says_what_to_do() -> None:
    presence.withdraw(connection.client(), "celery@test", 1)
    assert all(check.what_to_do for check in system.checks() if not check.is_well)
    assert set(failing()) == {"beat", "workers"}


def test_redis_that_does_not_answer_fails_its_checks_and_no_other() -> None:
    with override_settings(KCPCACHE_REDIS_URL="unix:///nonexistent/redis.sock?db=0"):
        connection.forget()
        try:
            found = failing()
            restart = system.is_safe_to_restart()
        finally:
            connection.forget()
    assert {"redis", "eviction policy", "persistence", "workers", "beat"} == set(found)
    assert "/nonexistent/redis.sock" in found["redis"]
    assert not restart.is_well


def test_secrets_of_other_keys_are_said() -> None:
    installation.publish("cpu-1")
    with override_settings(KCPCACHE_ENCRYPTION_KEYS=["A" * 43 + "="]):
        assert "encryption keys" in failing()


def test_secret_of_a_former_key_is_said_although_others_can_be_read() -> None:
    installation.publish("cpu-1")
    new = "B" * 43 + "="
    with override_settings(KCPCACHE_ENCRYPTION_KEYS=[new, *settings.KCPCACHE_ENCRYPTION_KEYS]):
        secret = {"metadata": {"name": "a-newest"}, "stringData": {"a": "b"}}
        client.create("alice0", "", "secrets", secret, "default")
        assert "encryption keys" not in failing()
    with override_settings(KCPCACHE_ENCRYPTION_KEYS=[new]):
        found = sealed.trial(100)
        assert 0 < found.unreadable == found.tried - 1
        assert f"{found.unreadable} of {found.tried} Secrets" in failing()["encryption keys"]
        # The oldest and the newest are tried when there are more than are tried at once.
        assert sealed.trial(2) == Trial(tried=2, unreadable=1)
        assert sealed.trial(1) == Trial(tried=1, unreadable=1)


def test_evicting_redis_is_said() -> None:
    cache = connection.client()
    cache.config_set("maxmemory-policy", "allkeys-lru")
    try:
        assert "allkeys-lru" in failing()["eviction policy"]
    finally:
        cache.config_set("maxmemory-policy", "noeviction")


def test_it_is_safe_to_restart_when_replicas_are_complete() -> None:
    installation.publish("cpu-1")
    assert system.is_safe_to_restart().is_well
    connection.client().flushall()
    verdict = system.is_safe_to_restart()
    assert not verdict.is_well
    assert verdict.message == "Better wait, there is 1 replica to be filled."


def test_queue_without_a_worker_is_said() -> None:
    sign = presence.workers(connection.client())[0]
    presence.withdraw(connection.client(), sign.name, sign.pid)
    presence.leave(connection.client(), presence.Sign(sign.name, 7, ["controllers"], 2, "", 0.0, sign.seen))
    assert "replication" in failing()["workers"]


def test_worker_that_is_silent_is_shown_as_dead_until_another_takes_its_name() -> None:
    presence.withdraw(connection.client(), "celery@test", 1)
    installation.worker_at_work("celery@a", seen_seconds_ago=60, pid=1)
    assert [(worker.name, worker.is_alive) for worker in workers.all()] == [("celery@a", False)]
    installation.worker_at_work("celery@a", pid=2)
    assert [(worker.name, worker.is_alive, worker.pid) for worker in workers.all()] == [("celery@a", True, 2)]


def test_sign_of_another_release_is_left_out() -> None:
    key = f"kcpcache:{settings.KCPCACHE_SHARD}:presence"
    connection.client().hset(key, "celery@new/1", b'{"name": "celery@new", "unknown": 1}')
    assert [worker.name for worker in workers.all()] == ["celery@test"]
