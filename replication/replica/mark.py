"""The highest revision of a shard that was ever noted, in Redis: a database below it was rolled back."""

from __future__ import annotations

from django.conf import settings

from replication.replica import keys
from replication.replica.connection import Client

_MEMBER = "revision"


def read(client: Client) -> int:
    """The mark, 0 when there is none."""
    return int(client.zscore(keys.revision_mark(settings.KCPCACHE_SHARD), _MEMBER) or 0)


def raise_to(client: Client, revision: int) -> None:
    """Move the mark up, never down, whoever else does the same."""
    client.zadd(keys.revision_mark(settings.KCPCACHE_SHARD), {_MEMBER: revision}, gt=True)
