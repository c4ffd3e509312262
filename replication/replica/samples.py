"""How far behind the replicas were in the last hour: one short list a shard, a sample every 15 seconds."""

from __future__ import annotations

import time
from dataclasses import dataclass

import orjson
from django.conf import settings

from replication.replica import keys, lease
from replication.replica.connection import Client

INTERVAL_SECONDS = 15
KEPT_SECONDS = 3600
_KEPT = KEPT_SECONDS // INTERVAL_SECONDS


@dataclass(frozen=True, slots=True)
class Sample:
    """The lag of the replica that was furthest behind, and the changes that all together had not seen.

    `at` is in seconds since 1970.
    """

    at: float
    lag_seconds: float
    changes: int


def is_due(client: Client) -> bool:
    """Whether it is time for a sample; True for one of those who ask."""
    guard = keys.sample_guard(settings.KCPCACHE_SHARD)
    return lease.take(client, guard, "1", INTERVAL_SECONDS * 1000 - 1000)


def leave(client: Client, sample: Sample) -> None:
    """Add a sample, and drop what is older than an hour."""
    key = keys.samples(settings.KCPCACHE_SHARD)
    entry = orjson.dumps([round(sample.at, 1), round(sample.lag_seconds, 3), sample.changes])
    with client.pipeline(transaction=False) as pipeline:
        pipeline.lpush(key, entry)
        pipeline.ltrim(key, 0, _KEPT)
        pipeline.expire(key, KEPT_SECONDS)
        pipeline.execute()


def read(client: Client) -> list[Sample]:
    """The samples of the last hour, the oldest first."""
    horizon = time.time() - KEPT_SECONDS
    found = client.lrange(keys.samples(settings.KCPCACHE_SHARD), 0, _KEPT)
    samples = [Sample(*orjson.loads(entry)) for entry in found]
    return sorted((sample for sample in samples if sample.at > horizon), key=lambda sample: sample.at)
