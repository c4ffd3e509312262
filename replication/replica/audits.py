"""Which replicas are audited when: one pass at a time, for some seconds, and whoever has waited longest first."""

from __future__ import annotations

import time

from replication import rows
from replication.replica import audit, keys, lease, server
from replication.replica.connection import Client
from replication.replica.containment import contained

_PASS_SECONDS = 5.0  # after which no further replica is begun, also as a worker that is to stop waits for it


def run(client: Client, shard: str) -> None:
    """Audit replicas for some seconds, unless another worker is at it."""
    with lease.guarded(client, keys.audit_guard(shard)) as keep:
        if keep is None:
            return
        ends_at = time.monotonic() + _PASS_SECONDS
        for uid in _waiting(client, shard):
            source = rows.find(uid)  # as it is now: a pass takes its time
            if source is not None:
                # First: one whose audit never ends well must not be the first of every pass.
                client.zadd(keys.audited(shard), {uid: server.now(client)})
                with contained(source.family):
                    audit.audit(client, source, keep=keep)
            if time.monotonic() > ends_at:
                return


def _waiting(client: Client, shard: str) -> list[str]:
    """The uids of all replicas, the one whose last audit is longest ago first."""
    uids = [source.uid for source in rows.all_sources()]
    found = client.zrange(keys.audited(shard), 0, -1, withscores=True)
    began_at = {uid.decode(): at for uid, at in found}
    if gone := began_at.keys() - set(uids):
        client.zrem(keys.audited(shard), *gone)
    return sorted(uids, key=lambda uid: began_at.get(uid, 0.0))
