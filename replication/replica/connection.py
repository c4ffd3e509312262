"""Connections to Redis: one pool for workers, one with short timeouts for whoever must not wait."""

from __future__ import annotations

from functools import cache
from typing import Any, TypeAlias

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

# redis-py says `bytes | str` of every answer; with `decode_responses` off it is bytes, which no type there says.
Client: TypeAlias = Any  # redis.Redis
Error = redis.RedisError


@cache
def client() -> Client:
    """For workers: an answer may take five seconds."""
    return connect(settings.KCPCACHE_REDIS_URL, timeout_seconds=5.0)


@cache
def hasty_client() -> Client:
    """For web processes and for hints: whoever asks would rather go on without an answer."""
    return connect(settings.KCPCACHE_REDIS_URL, timeout_seconds=0.5)


def connect(url: str, *, timeout_seconds: float) -> Client:
    """A thread-safe client for a ``redis://``, ``rediss://`` or ``unix://`` URL.

    A call is repeated once, at once, on a new connection: Redis closes idle ones and may have been
    restarted. Repeating is safe, for every script here compares before it writes. A server that does not answer
    in time is not asked again.
    """
    return redis.Redis.from_url(
        url,
        protocol=2,
        decode_responses=False,
        socket_timeout=timeout_seconds,
        socket_connect_timeout=min(timeout_seconds, 1.0),
        retry=Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
    )


def is_wrong_type(error: BaseException) -> bool:
    """Whether a key holds another kind of value than was put there: somebody else wrote to it."""
    return isinstance(error, redis.ResponseError) and "WRONGTYPE" in str(error)


def is_away(error: BaseException) -> bool:
    """Whether an error says that Redis cannot be reached, does not answer, or has not yet read its files."""
    if isinstance(error, (redis.AuthenticationError, redis.exceptions.AuthorizationError)):
        return False  # which redis-py counts among those of the connection
    return isinstance(error, (redis.ConnectionError, redis.TimeoutError))


def probe() -> None:
    """Raises while Redis does not answer."""
    hasty_client().ping()


def forget() -> None:
    """Close what this process holds; the next use connects anew."""
    for made in (client, hasty_client):
        if made.cache_info().currsize:
            made().close()
        made.cache_clear()
