"""An empty installation with a provider and two consumers, for tests of what operators see."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from replication import reports, rows
from replication.controllers import cachedresource as controller
from replication.models import Replica
from replication.replica import connection, mirrors, presence
from replication.replica.presence import Sign
from tests.contract import databases
from tests.unit.replication import provider
from workspaces import signals
from workspaces.models import Workspace
from workspaces.registry import resolver
from workspaces.store import broadcast, work

QUEUES = ["default", "controllers", "replication"]


@contextmanager
def empty(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The store at a URL with nothing but root, a provider and two consumers."""
    receivers = signals.changed.receivers
    with databases.migrated(url):
        signals.changed.receivers = receivers
        signals.changed.sender_receivers_cache.clear()
        connection.forget()
        Replica.objects.all().delete()
        Workspace.objects.exclude(parent=None).delete()
        Workspace.objects.all().delete()
        rows.forget()
        monkeypatch.setattr(resolver, "_resolver", resolver.Resolver())
        monkeypatch.setattr(mirrors, "_mirrors", mirrors.Mirrors())
        monkeypatch.setattr(controller, "_INTERVAL_SECONDS", 0.0)
        monkeypatch.setattr(reports, "INTERVAL_SECONDS", 0.0)
        provider.prepare()
        try:
            yield
        finally:
            broadcast.stop()


def publish(*names: str) -> None:
    """The provider publishes flavours, and alice is bound."""
    provider.create_crd()
    provider.create_flavors(*names)
    provider.create_cachedresource()
    provider.export(identity_hash=provider.status()["identityHash"])
    provider.bind(provider.ALICE)


def worker_at_work(name: str = "celery@test", seen_seconds_ago: float = 0.0, pid: int = 1) -> None:
    """A worker has left a sign of life."""
    sign = Sign(name, pid, QUEUES, 2, "replication.tasks.sync", 12.0, time.time() - seen_seconds_ago)
    presence.leave(connection.client(), sign)


def fail(controller: str, name: str, times: int) -> None:
    """A controller has failed at something of the provider's."""
    work.note(controller, provider.CLOUD, name)
    (item,) = (each for each in work.due(1000) if (each.controller, each.name) == (controller, name))
    for _ in range(times):
        work.failed(item, "ValueError: no\nwonder", 60)
