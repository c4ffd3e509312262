"""Signs of life that workers and beat leave in Redis: one small hash a shard, written every few seconds."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass

import orjson
from django.conf import settings

from replication.replica import keys
from replication.replica.connection import Client

_BEAT = "beat"
_KEPT_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Sign:
    """What a worker says of itself; `seen` is its own clock, in seconds since 1970."""

    name: str
    pid: int
    queues: list[str]
    concurrency: int
    last_task: str
    tasks_per_minute: float
    seen: float


def leave(client: Client, sign: Sign) -> None:
    """Say that a worker is at work."""
    _write(client, _field(sign.name, sign.pid), orjson.dumps(dataclasses.asdict(sign)))


def withdraw(client: Client, name: str, pid: int) -> None:
    """A worker that ends as it should is forgotten."""
    client.hdel(keys.presence(settings.KCPCACHE_SHARD), _field(name, pid))


def tick(client: Client) -> None:
    """Say that beat has sent a task."""
    _write(client, _BEAT, orjson.dumps(time.time()))


def workers(client: Client) -> list[Sign]:
    """What all workers said last; what was written by another release is left out."""
    found: dict[bytes, bytes] = client.hgetall(keys.presence(settings.KCPCACHE_SHARD))
    signs = []
    for field, value in found.items():
        if field != _BEAT.encode():
            try:
                signs.append(Sign(**orjson.loads(value)))
            except (TypeError, ValueError):
                continue
    return signs


def beat(client: Client) -> float | None:
    """When beat sent its last task, in seconds since 1970."""
    value = client.hget(keys.presence(settings.KCPCACHE_SHARD), _BEAT)
    return float(orjson.loads(value)) if value else None


def forget_old(client: Client) -> None:
    """Drop workers that were not heard of for an hour."""
    horizon = time.time() - _KEPT_SECONDS
    old = [_field(sign.name, sign.pid) for sign in workers(client) if sign.seen < horizon]
    if old:
        client.hdel(keys.presence(settings.KCPCACHE_SHARD), *old)


def _write(client: Client, field: str, value: bytes) -> None:
    key = keys.presence(settings.KCPCACHE_SHARD)
    with client.pipeline(transaction=False) as pipeline:
        pipeline.hset(key, field, value)
        pipeline.expire(key, _KEPT_SECONDS)
        pipeline.execute()


def _field(name: str, pid: int) -> str:
    return f"{name}/{pid}"
