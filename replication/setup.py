"""Where this app meets the others: everything is connected here, once, when Django has loaded its models."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from kcpcache import outage
from kcpcache.apiserver import collectors
from replication import marks, ticks
from replication.controllers import registration
from replication.replica import connection, logchannel
from replication.replica.mirrors import mirrors
from replication.virtual import provider, replication
from workspaces import backend
from workspaces.registry import scopes, virtual
from workspaces.store import broadcast


def connect() -> None:
    """Connect receivers, controllers, providers and services."""
    from replication import receivers  # noqa: F401 - they register themselves

    outage.register(outage.REDIS, connection.is_away, connection.probe)
    registration.register()
    ticks.connect()
    virtual.register("cache.kcp.io", "CachedResourceEndpointSlice", provider.CachedResourceProvider())
    scopes.register("replication", replication.factory)
    backend.add_freshness_check(_refresh)
    backend.add_service(_start, _stop)
    broadcast.add_announcer(logchannel.announce)
    backend.add_service(logchannel.start, logchannel.stop)
    broadcast.add_announcer(marks.note)
    backend.add_service(marks.start, marks.stop)
    collectors.add_collector("replication.metrics.Replication")


async def _refresh() -> None:
    await mirrors().refresh()


def _start() -> None:
    loop = asyncio.get_running_loop()

    def post(deliver: Callable[[], None]) -> None:
        loop.call_soon_threadsafe(deliver)

    mirrors().start(post)


def _stop() -> None:
    mirrors().stop()
