"""Checks of the cache and of the broker."""

from __future__ import annotations

from django.conf import settings

from kcpcache import environment
from replication.insight.check import Check
from replication.replica import connection, server

QUEUES = ("default", "controllers", "replication")
_LONG = 1000  # messages in one queue: workers do not keep up
_FULL_PERCENT = 90


def redis() -> Check:
    """That the cache answers, and has memory left."""
    try:
        name = server.version(connection.hasty_client())
        memory = server.memory(connection.hasty_client())
    except connection.Error as error:
        return _unreachable("redis", settings.KCPCACHE_REDIS_URL, error, "KCPCACHE_REDIS_URL")
    used = f"{name} answers and uses {memory.used_bytes / 2**20:.0f} MiB"
    if memory.limit_bytes and memory.used_bytes * 100 > memory.limit_bytes * _FULL_PERCENT:
        message = f"{used} of {memory.limit_bytes / 2**20:.0f} MiB."
        return Check("redis", False, message, "Raise maxmemory: writes to replicas fail when it is reached.")
    return Check("redis", True, f"{used}.")


def eviction_policy() -> Check:
    """That nothing drops objects from the cache behind our back."""
    policy = server.memory(connection.hasty_client()).policy
    if policy == "noeviction":
        return Check("eviction policy", True, "noeviction: the cache does not shrink by itself.")
    return Check(
        "eviction policy",
        False,
        f"The policy is {policy}: Redis may drop parts of replicas; they are filled again each time.",
        "Set maxmemory-policy to noeviction.",
    )


def persistence() -> Check:
    """Whether the cache survives a restart of Redis; if not it is filled again, which takes time."""
    found = server.persistence(connection.hasty_client())
    if not found.is_well and found.is_on:
        remedy = "See Redis' log and its disk; replicas are filled again if they are lost."
        return Check("persistence", False, "Redis could not write its last file.", remedy)
    if not found.is_on:
        message = "Redis keeps nothing on disk; all replicas are filled again after it restarts."
        return Check("persistence", True, message, "Set appendonly yes if that takes too long.")
    return Check("persistence", True, "Redis keeps its data on disk.")


def broker() -> Check:
    """That messages go out, and workers take them."""
    try:
        found = server.queues(server.broker(), QUEUES)
    except connection.Error as error:
        return _unreachable("broker", settings.CELERY_BROKER_URL, error, "KCPCACHE_BROKER_URL")
    lengths = ", ".join(f"{name} {length}" for name, length in found.waiting.items())
    message = f"Messages waiting: {lengths}; taken by workers: {found.taken}."
    if max(found.waiting.values()) > _LONG:
        return Check(
            "broker", False, message, "Add workers for the long queue: celery -A kcpcache worker -Q …"
        )
    return Check("broker", True, message)


def _unreachable(name: str, url: str, error: Exception, variable: str) -> Check:
    reason = str(error).strip().rstrip(".") or type(error).__name__
    message = f"{environment.redacted(url)} does not answer: {reason}."
    return Check(name, False, message, f"Start it, or correct {variable}.")
