"""The queue of what must be reconciled: rows, so that nothing is forgotten; messages only hint at them.

Times are the database's, so that the clocks of several machines need not agree.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection

from workspaces.store import clock, connecting, locks

LONGEST_SECONDS = (
    120.0  # nothing is put off for longer; what seems to be was noted before the clock was put back
)
DUE = [0, LONGEST_SECONDS]  # the parameters of `is_due`
COLUMNS = "id, controller, cluster, name, sequence, attempts"  # of a WorkItem, in its order


@dataclass(frozen=True, slots=True)
class WorkItem:
    """One thing to reconcile, as it stood when it was read.

    `sequence` grows with every note while the row is there. `id` is of this row and of no later one for the same
    thing, in which `sequence` begins anew.
    """

    id: int
    controller: str
    cluster: str
    name: str
    sequence: int
    attempts: int


def note(controller: str, cluster: str, name: str, *, delay_seconds: float = 0) -> None:
    """Say that something must be reconciled, not before a delay; merged with what is noted already.

    Inside a writing transaction the note exists exactly if the write does.
    """
    with locks.writer(savepoint=False), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO workspaces_work"  # noqa: S608 - constants
            " (controller, cluster, name, sequence, attempts, error, not_before, created)"
            f" VALUES (%s, %s, %s, 1, 0, '', {clock.after()}, {clock.after()})"
            " ON CONFLICT (controller, cluster, name) DO UPDATE SET sequence = workspaces_work.sequence + 1,"
            " not_before = CASE WHEN excluded.not_before < workspaces_work.not_before"
            " THEN excluded.not_before ELSE workspaces_work.not_before END",
            [controller, cluster, name, delay_seconds, 0],
        )


def is_waiting(controller: str, cluster: str, name: str, *, within_seconds: float) -> bool:
    """Whether something is noted that nobody has begun and that is due now or within some seconds.

    What a worker has claimed is not due before the end of its lease; `within_seconds` is less than that.
    """
    with connecting.usable().cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM workspaces_work WHERE controller = %s AND cluster = %s AND name = %s"  # noqa: S608
            f" AND not_before <= {clock.after()}",
            [controller, cluster, name, within_seconds],
        )
        return cursor.fetchone() is not None


def is_due() -> str:
    """SQL for what may be reconciled now, with the parameters `DUE`."""
    return f"(not_before <= {clock.after()} OR not_before > {clock.after()})"


def due(limit: int) -> list[WorkItem]:
    """What may be reconciled now, longest waiting first.

    Two workers may get the same item; what the one who read an older sequence says does not end it.
    """
    with connecting.usable().cursor() as cursor:
        cursor.execute(
            f"SELECT {COLUMNS} FROM workspaces_work"  # noqa: S608 - constants
            f" WHERE {is_due()} ORDER BY not_before, id LIMIT %s",
            [*DUE, limit],
        )
        found = cursor.fetchall()
    return [WorkItem(*row) for row in found]


def done(item: WorkItem) -> bool:
    """Remove an item that was reconciled; False when it was noted again meanwhile, and stays.

    What stays begins anew: its attempts and its error are of the past.
    """
    with locks.writer(savepoint=False), connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM workspaces_work WHERE id = %s AND sequence = %s", [item.id, item.sequence]
        )
        if cursor.rowcount:
            return True
        cursor.execute(
            "UPDATE workspaces_work SET attempts = 0, error = '' WHERE id = %s AND attempts <> 0", [item.id]
        )
        return False


def failed(item: WorkItem, error: str, retry_after_seconds: float) -> None:
    """Keep an item for another attempt; one that was noted again meanwhile is due when that note says.

    One that somebody else has done meanwhile stays done.
    """
    with locks.writer(savepoint=False), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE workspaces_work SET attempts = attempts + 1, error = %s,"  # noqa: S608 - constants
            f" not_before = CASE WHEN sequence = %s THEN {clock.after()} ELSE not_before END"
            " WHERE id = %s",
            [error, item.sequence, retry_after_seconds, item.id],
        )
