"""Bringing one replica forward: fill it, follow a new selector, or append the log."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

from kcpcache.apimachinery import errors
from replication import reports, rows
from replication.replica import connection, fill, lease, log, meta, selection
from replication.replica.connection import Client, Error
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


def sync_and_report(client: Client, uid: str, *, to_end: bool = False) -> Outcome:
    """As `sync`, and have the CachedResource's counts looked at where anything may have changed.

    Under steady writes that takes a turn's whole time: they are looked at once a second meanwhile.
    """
    has_changed = True  # until it is known: an error may come after a batch, or in the place of an answer
    try:
        outcome = sync(client, uid, to_end=to_end, report=reports.Reporter(uid))
        has_changed = outcome.has_changed
    finally:
        if has_changed:
            reports.note_change(uid)
    return outcome


def sync(
    client: Client, uid: str, *, to_end: bool = False, report: Callable[[], None] = lambda: None
) -> Outcome:
    """Bring a replica to the newest revision that concerns it, as long as there are hints.

    Args:
        to_end: move its cursor to the end of the log even where nothing concerns it.
        report: called after each batch and each fill.
    """
    source = rows.find(uid)
    if source is None:
        return Outcome()
    ends_at = time.monotonic() + _TURN_SECONDS
    has_changed, has_more, turn = False, False, 0
    with closing(lease.take_turns(client, source.family)) as turns:
        for turn, held in enumerate(turns, 1):
            if turn > 1:
                time.sleep(_GATHER_SECONDS)
            has_changed |= _turn(client, source.family, held, to_end, report)
            if has_more := time.monotonic() > ends_at:
                break
    if turn and source.error:
        rows.note_error(uid, "")
    return Outcome(has_changed, has_more)


def _turn(client: Client, family: Family, held: Lease, to_end: bool, report: Callable[[], None]) -> bool:
    has_changed = False
    for _ in range(_ATTEMPTS):
        # Redis first: what the row says is then not older than what the replica follows.
        present = meta.read(client, family)
        source = rows.find(family.uid)
        if source is None:
            return has_changed
        if present is None:
            remains = meta.remaining_epoch(client, family)
            above_epoch, is_repair = remains or 0, remains is not None
        elif is_lost(present, source):
            above_epoch, is_repair = present.epoch, _is_foreign(present, source)
        else:
            progress = Progress.of(present, held)
            progress.report = report
            need = _forward(client, source, progress, to_end)
            has_changed |= need.has_changed
            if need.is_done:
                return has_changed
            if not need.is_fill:
                continue
            above_epoch, is_repair = present.epoch, need.is_repair
        has_changed |= fill.fill(client, source, held.keep, above_epoch, is_repair=is_repair)
        report()
    return has_changed


@dataclass(frozen=True, slots=True)
class _Need:
    """What came of an attempt, and what it takes to go on: nothing, another attempt, a fill."""

    has_changed: bool
    is_done: bool = False
    is_fill: bool = False
    is_repair: bool = False  # of a replica that may hold what is wrong


def _forward(client: Client, source: Source, progress: Progress, to_end: bool) -> _Need:
    try:
        if _advance(client, source, progress, to_end):
            return _Need(True, is_done=True)
        # What the writer would have noticed, had there been anything to write.
        (health,) = meta.inspect(client, [source.family])
        return _Need(False, is_done=health.is_whole, is_fill=True, is_repair=True)
    except errors.Expired:
        return _Need(progress.applied > 0, is_fill=True)
    except Refused as refusal:
        # Another cursor: somebody else was there, or we ourselves, and the answer was lost on its way.
        has_changed = progress.applied > 0 or refusal.reason == "cursor"
        return _Need(has_changed, is_fill=refusal.reason == "damaged", is_repair=True)
    except Error as error:
        if not connection.is_wrong_type(error):
            raise
        return _Need(progress.applied > 0, is_fill=True, is_repair=True)


def is_lost(present: Meta, source: Source) -> bool:
    """Whether what lies in Redis is not what this database had written there.

    The cursor lies before one that was seen or after the newest revision, the fill or the selector was never
    asked for (one of the two was rolled back), or the objects come from elsewhere now.
    """
    return (
        present.cursor < source.cursor
        or present.cursor > revisions.newest().value
        or _is_foreign(present, source)
    )


def _is_foreign(present: Meta, source: Source) -> bool:
    """Whether the objects may be others than the source has at the replica's cursor."""
    return (
        present.epoch > source.epoch
        or present.selection > source.selection
        or present.identity != source.collection.identity
    )


def _advance(client: Client, source: Source, progress: Progress, to_end: bool) -> bool:
    if progress.selection != source.selection:
        selection.begin(client, source, progress)
    has_selection = progress.is_settling
    if progress.is_settling:
        selection.settle(client, source, progress)
    to_end = to_end or _wanted(client, source.family) > progress.cursor
    log.follow(client, source, progress, to_end=to_end)
    return has_selection or progress.applied > 0


def _wanted(client: Client, family: Family) -> int:
    """The revision that some reader waits for, 0 when none does."""
    try:
        return int(client.get(family.wanted) or 0)
    except ValueError:
        return 0
    except Error as error:
        if not connection.is_wrong_type(error):
            raise
        client.unlink(family.wanted)
        return 0


def needs_sync(source: Source, health: meta.Health, last_change: int) -> bool:
    """Whether a replica has work to do: `last_change` is the revision of the last change of its source."""
    present = health.meta
    if present is None or not health.is_whole or present.is_settling:
        return True
    return present.selection != source.selection or last_change > present.cursor or is_lost(present, source)
