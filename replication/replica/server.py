"""What the Redis servers say of themselves: the cache's, and the broker's, whose queues are lists there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from urllib.parse import parse_qs, urlsplit

from django.conf import settings

from replication.replica import connection
from replication.replica.connection import Client

_UNACKNOWLEDGED = "unacked"  # kombu's hash of messages that workers have and have not done


@dataclass(frozen=True, slots=True)
class Memory:
    """`limit_bytes` 0 means no limit; `policy` is what happens at it."""

    used_bytes: int
    limit_bytes: int
    policy: str


@dataclass(frozen=True, slots=True)
class Persistence:
    """Whether what is written survives a restart of the server, and whether the last write to disk went well."""

    is_on: bool
    is_well: bool


@dataclass(frozen=True, slots=True)
class Queues:
    """How many messages wait in each queue, and how many workers have taken and not finished."""

    waiting: Mapping[str, int]
    taken: int


def version(client: Client) -> str:
    """The server's name and version; a server that is loading its data raises."""
    client.ping()
    info = client.info("server")
    name = str(info.get("server_name") or "redis")
    return f"{name} {info.get('valkey_version') or info.get('redis_version') or '?'}"


def memory(client: Client) -> Memory:
    """How much memory is used."""
    info = client.info("memory")
    return Memory(int(info["used_memory"]), int(info["maxmemory"]), str(info["maxmemory_policy"]))


def persistence(client: Client) -> Persistence:
    """Append-only file or snapshots, and how the last write of them went."""
    info = client.info("persistence")
    has_file = bool(info.get("aof_enabled"))
    is_well = (info.get("aof_last_write_status") if has_file else info.get("rdb_last_bgsave_status")) == "ok"
    return Persistence(has_file or _has_snapshots(client), is_well)


def _has_snapshots(client: Client) -> bool:
    try:
        return bool(client.config_get("save").get(b"save"))
    except connection.Error:  # managed servers refuse CONFIG
        return True


def now(client: Client) -> float:
    """The server's clock, in seconds since 1970."""
    seconds, microseconds = client.time()
    return float(seconds) + float(microseconds) / 1e6


@cache
def broker() -> Client:
    """The broker's server, with short timeouts."""
    return connection.connect(_redis_url(settings.CELERY_BROKER_URL), timeout_seconds=0.5)


def queues(client: Client, names: Sequence[str]) -> Queues:
    """What waits in the broker."""
    with client.pipeline(transaction=False) as pipeline:
        for name in names:
            pipeline.llen(name)
        pipeline.hlen(_UNACKNOWLEDGED)
        *waiting, taken = pipeline.execute()
    return Queues(dict(zip(names, waiting, strict=True)), int(taken))


def _redis_url(broker_url: str) -> str:
    """A broker's URL as redis-py reads it: kombu writes sockets as ``redis+socket://…?virtual_host=1``."""
    parts = urlsplit(broker_url)
    if parts.scheme != "redis+socket":
        return broker_url
    number = parse_qs(parts.query).get("virtual_host", ["0"])[0]
    return f"unix://{parts.netloc}{parts.path}?db={number}"
