"""Fills a replica anew because somebody asked for it; the request is a row, so no broker can lose it."""

from __future__ import annotations

import logging

from kcpcache import outage
from kcpcache.apimachinery.reconcile import Outcome
from replication import reports, rows
from replication.controllers.state import GROUP, PLURAL
from replication.replica import connection, fill, lease, meta, wake
from replication.rows import Source
from workspaces.registry import client

CONTROLLER = "cachedresourcerepair"

_RETRY_SECONDS = 1.0

logger = logging.getLogger(__name__)


def reconcile(cluster: str, name: str) -> Outcome:
    """Fill the replica of one CachedResource, whatever it holds; open watches of it begin again.

    The lease of the stream is not asked for: a stream of changes could keep it from us for long, and epochs keep two
    fills apart.
    """
    obj = client.get(cluster, GROUP, PLURAL, name)
    source = rows.find(str(obj["metadata"]["uid"])) if obj is not None else None
    if source is None:
        return Outcome()
    try:
        is_done = _fill(source)
    except connection.Error as error:
        rows.note_error(source.uid, f"Redis does not answer: {type(error).__name__}")
        outage.report(logger, error, "the repair of replica %s waits for Redis", source.uid)
        return Outcome(retry_after_seconds=_RETRY_SECONDS)
    reports.note_change(source.uid)
    wake.wake(source.family)
    return Outcome(retry_after_seconds=None if is_done else _RETRY_SECONDS)


def _fill(source: Source) -> bool:
    """Whether it was done; not so while another worker is at it, or another fill came between."""
    client = connection.client()
    with lease.guarded(client, source.family.repair_guard) as keep:
        if keep is None:
            return False
        present = meta.read(client, source.family)
        above_epoch = present.epoch if present else meta.remaining_epoch(client, source.family) or 0
        return fill.fill(client, source, keep, above_epoch, is_repair=True)
