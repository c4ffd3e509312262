"""Keeps how far the replicas are behind, for the plot of the last hour."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from replication.insight import health
from replication.insight.health import Health
from replication.replica import connection, samples
from replication.replica.samples import Sample


def of(found: Iterable[Health]) -> Sample:
    """How far they are behind now."""
    lags = [(each.lag_seconds, each.lag_changes) for each in found]
    return Sample(
        at=time.time(),
        lag_seconds=max((seconds for seconds, _ in lags), default=0.0),
        changes=sum(changes for _, changes in lags),
    )


def keep(read: Callable[[], Iterable[Health]] = health.all) -> None:
    """Leave a sample if none was left for 15 seconds; connection errors are the caller's."""
    client = connection.hasty_client()
    if samples.is_due(client):
        samples.leave(client, of(read()))
