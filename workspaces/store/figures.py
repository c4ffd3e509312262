"""Figures of the whole store for monitoring, by one statement each."""

from __future__ import annotations

from workspaces.store import connecting


def waiting_by_controller() -> dict[str, int]:
    """How many things wait to be reconciled, by controller; those that wait for a retry included."""
    with connecting.usable().cursor() as cursor:
        cursor.execute("SELECT controller, COUNT(*) FROM workspaces_work GROUP BY controller")
        return {controller: int(count) for controller, count in cursor.fetchall()}
