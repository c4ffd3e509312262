"""Claiming of noted work, so that two workers rarely do the same thing at once."""

from __future__ import annotations

from django.db import connection

from workspaces.store import clock, locks, work
from workspaces.store.work import WorkItem


def claim(limit: int, lease_seconds: float) -> list[WorkItem]:
    """Take what is due, longest waiting first, and keep others off it for a while.

    The lease is a `not_before` in the future: who crashes gives the work back when it ends, and a note that comes
    meanwhile makes it due at once, so work must bear being done twice.
    """
    skip = " FOR UPDATE SKIP LOCKED" if connection.vendor == "postgresql" else ""
    with locks.writer(savepoint=False), connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE workspaces_work SET not_before = {clock.after()} WHERE id IN"  # noqa: S608 - constants
            f" (SELECT id FROM workspaces_work WHERE {work.is_due()}"
            f" ORDER BY not_before, id LIMIT %s{skip})"
            f" RETURNING {work.COLUMNS}",
            [lease_seconds, *work.DUE, limit],
        )
        return [WorkItem(*row) for row in cursor.fetchall()]


def postpone(item: WorkItem, delay_seconds: float) -> None:
    """Give an item back that wants another pass; it keeps no attempts and no error, for nothing failed."""
    with locks.writer(savepoint=False):
        if work.done(item):
            work.note(item.controller, item.cluster, item.name, delay_seconds=delay_seconds)
