"""Comparing a replica with its source, object by object, and repairing what differs.

Nothing should ever differ: what an audit finds was done by somebody with access to Redis, or is a defect.
"""

from __future__ import annotations

from replication import reports, rows
from replication.replica import body, fill, members, meta, sync, tallies
from replication.replica.connection import Client
from replication.rows import Source
from workspaces.store import changelog, objects, snapshot

_PAGE = 500


def audit(client: Client, source: Source, *, repair: bool = True) -> list[str]:
    """The names of objects that differ; afterwards the replica is filled again if there were any.

    Brings the replica to the end of the log first: its cursor then never falls behind the compacted revision for
    want of changes. What changes while the two are compared is not judged.
    """
    sync.sync(client, source.uid, to_end=True)
    present = meta.read(client, source.family)
    if present is None or present.is_settling:
        return []
    differing = _differing(client, source, present)
    if differing and _is_unchanged(client, source, present):
        changed = rows.note_audit(source.uid, is_drifted=True)
        tallies.add("drift")
        if repair:
            fill.fill(client, source, keep=lambda: None, above_epoch=present.epoch)
        if changed or repair:
            reports.note_change(source.uid)
        return differing
    if rows.note_audit(source.uid, is_drifted=False):
        reports.note_change(source.uid)
    return []


def _differing(client: Client, source: Source, present: meta.Meta) -> list[str]:
    """Names whose replica body is not what the source says, of what has not changed since the cursor."""
    pages = members.pages(client, source.family, present.epoch, _PAGE)
    names = {name.decode() for page in pages for name in page}
    differing = []
    after: str | None = None
    with snapshot.snapshot() as revisions:
        changed = _changed_names(source, present.cursor, revisions.value)
        while True:
            records = objects.iterate(source.collection, after=after, limit=_PAGE, using=snapshot.ALIAS)
            selected = {
                record.key.name: body.to_replica(record.body, source.api_version)
                for record in records
                if source.selector.matches(record.labels)
            }
            if selected:
                stored = client.hmget(source.family.objects(present.epoch), list(selected))
                for (name, wanted), found in zip(selected.items(), stored, strict=True):
                    if name not in names or not is_same(wanted, found):
                        differing.append(name)
            names -= selected.keys()
            if len(records) < _PAGE:
                break
            after = objects.place(records[-1].key)
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
    while changes := changelog.read_after(cursor, limit=_PAGE, collection=source.collection, until=until):
        names.update(change.key.name for change in changes)
        cursor = changes[-1].revision
    return names


def _is_unchanged(client: Client, source: Source, judged: meta.Meta) -> bool:
    """Whether the replica is still the one that was judged, and still wanted as it was."""
    present = meta.read(client, source.family)
    now = rows.find(source.uid)
    return (
        present is not None
        and (present.epoch, present.cursor) == (judged.epoch, judged.cursor)
        and now is not None
        and now.selection == source.selection
    )
