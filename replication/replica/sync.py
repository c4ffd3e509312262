"""Bringing one replica forward: fill it, follow a new selector, or append the log."""

from __future__ import annotations

import time
from dataclasses import dataclass

from kcpcache.apimachinery import errors
from replication import rows
from replication.replica import fill, lease, log, meta, selection
from replication.replica.connection import Client
from replication.replica.keys import Family
from replication.replica.lease import Lease
from replication.replica.log import Progress, Refused
from replication.replica.meta import Meta
from replication.rows import Source
from workspaces.store import revisions

_ATTEMPTS = 10  # refused batches in one turn: others are at work, or something is badly wrong
_TURN_SECONDS = 10.0  # a busy replica gives its worker back after this time
_GATHER_SECONDS = 0.005  # between two turns, so that a stream of single changes becomes batches


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a call did: `has_changed` when objects or counts did, `has_more` when another call is needed."""

    has_changed: bool = False
    has_more: bool = False


def sync(client: Client, uid: str, *, to_end: bool = False) -> Outcome:
    """Bring a replica to the newest revision that concerns it, as long as there are hints.

    Args:
        to_end: move its cursor to the end of the log even where nothing concerns it.
    """
    source = rows.find(uid)
    if source is None:
        return Outcome()
    ends_at = time.monotonic() + _TURN_SECONDS
    has_changed = False
    for turn, held in enumerate(lease.take_turns(client, source.family)):
        if turn:
            time.sleep(_GATHER_SECONDS)
        has_changed |= _turn(client, source.family, held, to_end=to_end)
        if time.monotonic() > ends_at:
            return Outcome(has_changed, has_more=True)
    return Outcome(has_changed)


def _turn(client: Client, family: Family, held: Lease, *, to_end: bool) -> bool:
    has_changed = False
    for _ in range(_ATTEMPTS):
        # Redis first: what the row says is then not older than what the replica follows.
        present = meta.read(client, family)
        source = rows.find(family.uid)
        if source is None:
            return has_changed
        if present is None or is_lost(present, source):
            has_changed |= fill.fill(client, source, held.renew, present.epoch if present else 0)
            continue
        try:
            if _advance(client, source, Progress.of(present, held), to_end):
                return True
            # What the writer would have noticed, had there been anything to write.
            (health,) = meta.inspect(client, [family])
            if health.is_whole:
                return has_changed
            has_changed |= fill.fill(client, source, held.renew, present.epoch)
        except errors.Expired:
            has_changed |= fill.fill(client, source, held.renew)
        except Refused as refusal:
            if refusal.reason == "damaged":
                has_changed |= fill.fill(client, source, held.renew)
    return has_changed


def is_lost(present: Meta, source: Source) -> bool:
    """Whether what lies in Redis is not what this database had written there.

    The cursor lies before one that was seen or after the newest revision, the fill or the selector was never
    asked for (one of the two was rolled back), or the objects come from elsewhere now.
    """
    return (
        present.cursor < source.cursor
        or present.cursor > revisions.newest().value
        or present.epoch > source.epoch
        or present.selection > source.selection
        or present.identity != source.collection.identity
    )


def _advance(client: Client, source: Source, progress: Progress, to_end: bool) -> bool:
    if progress.selection != source.selection:
        selection.begin(client, source, progress)
    has_selection = progress.is_settling
    if progress.is_settling:
        selection.settle(client, source, progress)
    wanted = int(client.get(source.family.wanted) or 0)
    log.follow(client, source, progress, to_end=to_end or wanted > progress.cursor)
    return has_selection or progress.applied > 0


def needs_sync(source: Source, health: meta.Health, last_change: int) -> bool:
    """Whether a replica has work to do: `last_change` is the revision of the last change of its source."""
    present = health.meta
    if present is None or not health.is_whole or present.is_settling:
        return True
    return present.selection != source.selection or last_change > present.cursor or is_lost(present, source)
