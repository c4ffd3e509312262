"""From the change log to a replica's stream: the ordinary step, a few thousand of which make a day."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from kcpcache import tracing
from replication.replica import body, writer
from replication.replica.connection import Client
from replication.replica.lease import Lease
from replication.replica.meta import Meta
from replication.replica.writer import Batch, Entry
from replication.rows import Source
from workspaces.store import changelog
from workspaces.store.pagesize import PageSize
from workspaces.store.rows import Written

logger = logging.getLogger(__name__)


class Refused(Exception):
    """A batch was not applied; `reason` is the writer's answer."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(slots=True)
class Progress:
    """How far a replica is, kept while it is brought forward."""

    cursor: int
    epoch: int
    selection: int
    is_settling: bool
    applied: int = 0  # entries
    touched: set[str] = field(default_factory=set)  # names whose change came through the log while settling
    held: Lease | None = None  # kept while there is progress
    report: Callable[[], None] = lambda: None  # called after each batch

    @classmethod
    def of(cls, meta: Meta, held: Lease | None = None) -> Progress:
        """The progress that a meta hash states."""
        return cls(meta.cursor, meta.epoch, meta.selection, meta.is_settling, held=held)


def follow(
    client: Client, source: Source, progress: Progress, until: int | None = None, to_end: bool = False
) -> None:
    """Append the log behind the cursor, up to `until` or as far as there is anything.

    Args:
        to_end: move the cursor to the end even where nothing concerns the replica.

    Raises:
        Refused: somebody else was there, or the replica is not what it was.
        Expired: the log no longer reaches back to the cursor.
    """
    size = PageSize()
    while True:
        limit = size.limit
        found = changelog.batch_after(progress.cursor, limit=limit, collection=source.collection, until=until)
        entries = _entries(source, found.changes, progress.is_settling)
        if progress.is_settling:
            progress.touched.update(change.key.name for change in found.changes)
        is_last = len(found.changes) < limit
        reached = (
            found.reached if not is_last or to_end or until is not None else _last_revision(found.changes)
        )
        if reached > progress.cursor:
            append(client, source, progress, entries, reached)
        if is_last:
            return
        size.learn(len(change.body) + len(change.previous or b"") for change in found.changes)


def append(
    client: Client,
    source: Source,
    progress: Progress,
    entries: list[Entry],
    reached: int,
    settles: bool = False,
) -> None:
    """Apply entries, in as many batches as they need, and move the cursor to `reached`; Refused."""
    parts = list(writer.bounded(entries)) or [[]]
    for number, part in enumerate(parts, 1):
        is_last = number == len(parts)
        end = reached if is_last else part[-1].revision
        batch = Batch(progress.cursor, end, progress.epoch, progress.selection, part, settles and is_last)
        if progress.held is not None:
            progress.held.keep()
        with tracing.span(
            "replicate batch", replica=source.uid, after=batch.start, until=end, entries=len(part)
        ):
            answer = writer.apply(client, source.family, batch)
        if answer != "applied":
            raise Refused(answer)
        logger.debug(
            "%s of %s holds revisions %d to %d now: %d changes",
            source.name, source.collection.cluster, batch.start + 1, end, len(part),
        )  # fmt: skip
        progress.cursor = end
        progress.applied += len(part)
        progress.report()
    if settles:
        progress.is_settling = False


def _last_revision(changes: list[Written]) -> int:
    return changes[-1].revision if changes else 0


def _entries(source: Source, changes: list[Written], is_settling: bool) -> list[Entry]:
    entries = []
    matches, api_version = source.selector.matches, source.api_version
    for change in changes:
        name = change.key.name
        if change.kind != "D" and matches(change.labels):
            entries.append(Entry(change.revision, name, body.to_replica(change.body, api_version)))
        elif change.previous is not None and (is_settling or matches(change.previous_labels or {})):
            last = change.body if change.kind == "D" else change.previous
            entries.append(
                Entry(change.revision, name, body.to_replica(last, api_version, change.revision), leaves=True)
            )
    return entries
