"""Which event a watcher sees when an object enters, stays in or leaves what it selects."""

from __future__ import annotations

from typing import Final

ADDED: Final = "ADDED"
MODIFIED: Final = "MODIFIED"
DELETED: Final = "DELETED"
BOOKMARK: Final = "BOOKMARK"
ERROR: Final = "ERROR"

INITIAL_EVENTS_END_ANNOTATION: Final = "k8s.io/initial-events-end"


def transition(event_type: str, was_member: bool, is_member: bool) -> str | None:
    """The event for one watcher of a change in the store, None if it sees nothing.

    Args:
        event_type: what happened to the object: ADDED, MODIFIED or DELETED.
        was_member: whether the previous object was selected (False if there was none).
        is_member: whether the new object is selected (ignored for DELETED).

    An object that leaves is DELETED to that watcher: send the previous object, at the new revision
    (`carries_previous`).
    """
    if event_type == DELETED:
        is_member = False
    if is_member:
        return MODIFIED if was_member else ADDED
    return DELETED if was_member else None


def carries_previous(store_event_type: str, seen_event_type: str) -> bool:
    """Whether the event must show the previous object: it left the selection and still exists."""
    return seen_event_type == DELETED and store_event_type != DELETED
