"""Keeps what is wrong with one replica from those that are looked after next."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import redis
from celery.exceptions import SoftTimeLimitExceeded
from django.db import InterfaceError, OperationalError

from replication.replica.keys import Family

logger = logging.getLogger(__name__)

# What concerns every replica: Redis or the database is away, or the time is up.
_OF_ALL = (redis.ConnectionError, redis.TimeoutError, OperationalError, InterfaceError, SoftTimeLimitExceeded)


@contextmanager
def contained(family: Family) -> Iterator[None]:
    """Log an error that concerns one replica only, and go on behind the block; raise every other."""
    try:
        yield
    except _OF_ALL:
        raise
    except Exception:  # whatever lies in its keys, the others must not wait for it
        logger.exception("the replica %s could not be looked after", family.tag)
