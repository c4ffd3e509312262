"""Repairs that somebody asked for, and passes that nobody need ask for."""

from __future__ import annotations

import pytest

from replication import actions, rows
from replication.controllers import cachedresource as controller
from replication.controllers import repair, steps
from replication.controllers.state import State
from replication.replica import connection, lease, meta, wake
from tests.unit.replication import provider
from tests.unit.replication.provider import CLOUD
from workspaces import hints
from workspaces.models import Work

pytestmark = pytest.mark.usefixtures("cloud")


def test_another_pass_is_asked_for_until_the_replica_is_there() -> None:
    provider.create_crd()
    provider.create_cachedresource()
    assert controller.reconcile(CLOUD, "cpuflavors-v1").retry_after_seconds is None
    connection.client().flushall()
    state = State(CLOUD, "cpuflavors-v1", provider.cachedresource(), {}, source=rows.all_sources()[0])
    assert steps.counts(state).retry_after_seconds is not None


def repairs():
    return list(Work.objects.filter(controller=repair.CONTROLLER).values_list("cluster", "name"))


def test_repair_that_was_asked_for_is_not_lost_with_the_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    provider.create_crd()
    provider.create_flavors("a")
    provider.create_cachedresource()
    (source,) = rows.all_sources()
    monkeypatch.setattr(hints, "publish", lambda *_, **__: None)
    actions.repair(source.uid)
    assert repairs() == [(CLOUD, "cpuflavors-v1")]
    provider.work_off()
    now = meta.read(connection.client(), source.family)
    assert (now.epoch, now.count) == (source.epoch + 1, 1)
    assert repairs() == []


def test_repair_waits_for_redis_and_for_whoever_is_at_it(monkeypatch: pytest.MonkeyPatch) -> None:
    provider.create_crd()
    provider.create_cachedresource()
    (source,) = rows.all_sources()
    away = connection.connect("unix:///nowhere/redis.sock", timeout_seconds=0.2)
    with monkeypatch.context() as patch:
        patch.setattr(connection, "client", lambda: away)
        assert repair.reconcile(CLOUD, "cpuflavors-v1").retry_after_seconds
    with lease.guarded(connection.client(), source.family.repair_guard):
        assert repair.reconcile(CLOUD, "cpuflavors-v1").retry_after_seconds
    assert meta.read(connection.client(), source.family).epoch == source.epoch
    assert repair.reconcile(CLOUD, "cpuflavors-v1").retry_after_seconds is None
    assert meta.read(connection.client(), source.family).epoch == rows.find(source.uid).epoch > source.epoch


def test_repair_wakes_a_worker_and_needs_no_lease_of_the_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    provider.create_crd()
    provider.create_cachedresource()
    (source,) = rows.all_sources()
    woken = []
    monkeypatch.setattr(wake, "wake", woken.append)
    connection.client().set(source.family.lease, "another worker's")
    assert repair.reconcile(CLOUD, "cpuflavors-v1").retry_after_seconds is None
    assert woken == [source.family]


def test_repair_of_what_is_gone_does_nothing() -> None:
    assert repair.reconcile(CLOUD, "unknown").retry_after_seconds is None
    actions.repair("unknown")
    assert repairs() == []
