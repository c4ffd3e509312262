"""How many objects a CachedResource selects in its workspace now, without counting them."""

from __future__ import annotations

from kcpcache.apimachinery import errors
from replication.replica.meta import Meta
from replication.rows import Source
from workspaces.store import changelog

_PAGE = 500
_MOST_CHANGES = (
    10_000  # a replica that is farther behind is about to be brought up to date, and counted again
)


def count(source: Source, present: Meta) -> int:
    """What the replica holds, and what the changes that it has not seen yet add and take away."""
    found, cursor, matches = present.count, present.cursor, source.selector.matches
    for _ in range(0, _MOST_CHANGES, _PAGE):
        try:
            changes = changelog.read_after(cursor, limit=_PAGE, collection=source.collection)
        except errors.Expired:  # the log no longer says it; the replica is filled anew
            return found
        for change in changes:
            was_selected = change.previous is not None and matches(change.previous_labels or {})
            is_selected = change.kind != "D" and matches(change.labels)
            found += is_selected - was_selected
        if len(changes) < _PAGE:
            break
        cursor = changes[-1].revision
    return found
