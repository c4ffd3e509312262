"""Comparing a replica with its source, object by object, and repairing what differs.

Nothing should ever differ: what an audit finds was done by somebody with access to Redis, or is a defect.
"""

from __future__ import annotations

from collections.abc import Callable

from replication import reports, rows
from replication.replica import body, fill, members, meta, paging, sync, tallies
from replication.replica.connection import Client
from replication.rows import Source
from workspaces.store import changelog, snapshot

_PAGE = 500  # names, or changes


def audit(
    client: Client, source: Source, *, keep: Callable[[], object] = lambda: None, repair: bool = True
) -> list[str]:
    """The names of objects that differ; afterwards the replica is filled again if there were any.

    Brings the replica to the end of the log first: its cursor then never falls behind the compacted revision for
    want of changes. What changes while the two are compared is not judged.

    Args:
        keep: called now and then, so that nobody else begins the same work.
    """
    before = meta.read(client, source.family)
    sync.sync_and_report(client, source.uid, to_end=True)
    present, found = meta.read(client, source.family), rows.find(source.uid)
    if present is None or present.is_settling or found is None:
        return []
    _note_move(found, before, present)
    differing = _differing(client, found, present, keep)
    if differing and (now := _unchanged(client, found, present)) is not None:
        changed = rows.note_audit(now.uid, is_drifted=True)
        tallies.add("drift")
        if repair:
            fill.fill(client, now, keep, present.epoch, is_repair=True)
        if changed or repair:
            reports.note_change(now.uid)
        return differing
    if rows.note_audit(source.uid, is_drifted=False):
        reports.note_change(source.uid)
    return []


def _note_move(source: Source, before: meta.Meta | None, present: meta.Meta) -> None:
    """Where nothing but the cursor moved, the sweep need not wonder whether there is something to be counted."""
    if (
        before is not None
        and before.cursor == source.cursor != present.cursor
        and (before.epoch, before.count, before.checksum) == (present.epoch, present.count, present.checksum)
    ):
        rows.note_progress(source.uid, present.cursor, present.count, present.size_bytes)


def _differing(client: Client, source: Source, present: meta.Meta, keep: Callable[[], object]) -> list[str]:
    """Names whose replica body is not what the source says, of what has not changed since the cursor."""
    pages = members.pages(client, source.family, present.epoch, _PAGE)
    names = {name.decode(errors="replace") for page in pages for name in page}
    differing = []
    with snapshot.snapshot() as revisions:
        changed = _changed_names(source, present.cursor, revisions.value)
        for part in paging.bodies(source, keep, using=snapshot.ALIAS):
            stored = client.hmget(source.family.objects(present.epoch), list(part))
            for (name, wanted), found in zip(part.items(), stored, strict=True):
                if name not in names or not is_same(wanted, found):
                    differing.append(name)
            names -= part.keys()
    return sorted({*differing, *names} - changed)


def is_same(wanted: bytes, found: bytes | None) -> bool:
    """Whether a replica body is right; its resourceVersion may be larger, where a selector edit put it in."""
    if found is None or wanted == found:
        return wanted == found
    try:
        version = int(body.decode(found)["metadata"]["resourceVersion"])
        least = int(body.decode(wanted)["metadata"]["resourceVersion"])
    except (ValueError, KeyError, TypeError):
        return False
    return version > least and body.with_revision(wanted, version) == found


def _changed_names(source: Source, cursor: int, until: int) -> set[str]:
    names: set[str] = set()
    while changes := changelog.labels_after(cursor, limit=_PAGE, collection=source.collection, until=until):
        names.update(change.name for change in changes)
        cursor = changes[-1].revision
    return names


def _unchanged(client: Client, source: Source, judged: meta.Meta) -> Source | None:
    """The source as it is now, if the replica still is the one that was judged and still wanted as it was."""
    present = meta.read(client, source.family)
    now = rows.find(source.uid)
    if present is None or now is None or now.selection != source.selection:
        return None
    return now if (present.epoch, present.cursor) == (judged.epoch, judged.cursor) else None
