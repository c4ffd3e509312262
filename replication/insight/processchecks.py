"""Checks of workers and beat, and of what would be interrupted by a restart."""

from __future__ import annotations

from replication.insight import facts, workers
from replication.insight.check import Check
from replication.insight.redischecks import QUEUES
from replication.replica import connection
from workspaces.store import overview

_MUCH = 1000  # what takes more than a moment after a restart
_START = "Start one: celery -A kcpcache worker -Q {queues}"


def workers_() -> Check:
    """That each queue has a worker."""
    connection.hasty_client().ping()  # without Redis nothing is known: that is another answer than none
    alive = workers.alive()
    served = {queue for worker in alive for queue in worker.queues}
    missing = [queue for queue in QUEUES if queue not in served]
    if not alive:
        return Check("workers", False, "No worker is at work.", _START.format(queues=",".join(QUEUES)))
    names = ", ".join(worker.name for worker in alive)
    if missing:
        message = f"At work: {names}; nobody serves the queues {', '.join(missing)}."
        return Check("workers", False, message, _START.format(queues=",".join(missing)))
    return Check("workers", True, f"At work: {names}.")


def beat() -> Check:
    """That the sweeps come, which make good whatever hint was lost."""
    connection.hasty_client().ping()
    found = workers.beat()
    if found.is_alive:
        return Check("beat", True, "Beat sends its tasks.")
    message = (
        f"Beat's last task was sent at {found.last_tick:%Y-%m-%d %H:%M:%S} UTC."
        if found.last_tick
        else "Beat has not sent any task."
    )
    return Check(
        "beat", False, message, "Start it: celery -A kcpcache beat. Without it lost hints stay lost."
    )


def restart() -> Check:
    """Whether a restart would interrupt more than a moment's work."""
    try:
        connection.hasty_client().ping()
    except connection.Error:
        message = "Better wait: Redis does not answer, so every replica may have to be filled again."
        return Check("restart", False, message, "See the check of redis.")
    found = facts.gather()
    missing = [uid for uid in found.rows if (state := found.replicas.get(uid)) is None or state.meta is None]
    settling = [uid for uid, state in found.replicas.items() if state.meta and state.meta.is_settling]
    figures = {
        "to be filled": ("replica", len(missing), 0),
        "to be brought to a new selector": ("replica", len(settling), 0),
        "on their way to replicas": ("change", sum(each.changes for each in found.backlogs.values()), _MUCH),
        "to be reconciled": ("object", overview.waiting(), _MUCH),
    }
    reasons = [
        f"{count} {noun if count == 1 else f'{noun}s'} {what}"
        for what, (noun, count, most) in figures.items()
        if count > most
    ]
    if reasons:
        message = f"Better wait, there {'is' if reasons[0].startswith('1 ') else 'are'} {', '.join(reasons)}."
        return Check("restart", False, message, "Nothing is lost if you do not wait; it only takes longer.")
    return Check("restart", True, "Yes: every write is in the database and every replica is complete.")
