"""How many objects a CachedResource selects in its workspace now, without counting them."""

from __future__ import annotations

from dataclasses import dataclass

from kcpcache.apimachinery import errors
from replication.replica.meta import Meta
from replication.rows import Source
from workspaces.store import changelog

MOST_CHANGES = 2000  # looked at in one pass, which must not take the time that the replica needs to catch up
_REMEMBERED = 10_000  # sources of one process


@dataclass(frozen=True, slots=True)
class _Counted:
    """What a source had at a revision, of one state of its selector and one filling of its replica."""

    state: tuple[int, int, int, bool]
    revision: int
    count: int


_counted: dict[str, _Counted] = {}


def count(source: Source, present: Meta) -> int:
    """What the replica holds, and what the changes that it has not seen yet add and take away.

    Each pass goes on where the last one of this process ended. Of a replica that is behind by more than `MOST_CHANGES`
    since then, it says what was so at the last change that it has looked at.
    """
    known = _base(source, present)
    try:
        changes = changelog.labels_after(known.revision, limit=MOST_CHANGES, collection=source.collection)
    except errors.Expired:  # the log no longer says it; the replica is filled anew
        return known.count
    matches, found = source.selector.matches, known.count
    for change in changes:
        found -= change.before is not None and matches(change.before)
        found += change.after is not None and matches(change.after)
    if changes:
        if len(_counted) >= _REMEMBERED:
            _counted.clear()
        _counted[source.uid] = _Counted(known.state, changes[-1].revision, found)
    return found


def _base(source: Source, present: Meta) -> _Counted:
    """The last count, or the replica's own where that is newer or the last one is of something else."""
    # A replica that takes a new selector over counts otherwise at the same revision.
    state = (source.selection, present.selection, present.epoch, present.is_settling)
    known = _counted.get(source.uid)
    if known is not None and known.state == state and known.revision > present.cursor:
        return known
    return _Counted(state, present.cursor, present.count)
