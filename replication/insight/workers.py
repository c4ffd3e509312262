"""Who is at work: Celery workers and beat, from what they leave in Redis every few seconds."""

from __future__ import annotations

import datetime
import time
from dataclasses import dataclass

from replication.replica import connection, presence
from replication.replica.presence import Sign

DEAD_AFTER_SECONDS = 12.0  # four signs of life that did not come
_FORGOTTEN_AFTER_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Worker:
    """One worker: what it listens to, what it did last, and how busy it is.

    One that was killed is shown as not alive for an hour, or until another takes its name.
    """

    name: str
    queues: list[str]
    last_task: str
    last_seen: datetime.datetime
    tasks_per_minute: float
    is_alive: bool
    concurrency: int
    pid: int


@dataclass(frozen=True, slots=True)
class Beat:
    """The clock of the sweeps: when it last sent a task, None when it never did."""

    last_tick: datetime.datetime | None
    is_alive: bool


def all() -> list[Worker]:
    """Every worker by name; none while Redis does not answer."""
    try:
        signs = presence.workers(connection.hasty_client())
    except connection.Error:
        return []
    now = time.time()
    made = [_worker(sign, now) for sign in signs if now - sign.seen < _FORGOTTEN_AFTER_SECONDS]
    alive = {worker.name for worker in made if worker.is_alive}
    shown = [worker for worker in made if worker.is_alive or worker.name not in alive]
    return sorted(shown, key=lambda worker: (worker.name, worker.pid))


def alive(queue: str = "") -> list[Worker]:
    """The workers that are at work, on one queue if it is given."""
    return [worker for worker in all() if worker.is_alive and (not queue or queue in worker.queues)]


def beat() -> Beat:
    """Whether beat sends its tasks."""
    try:
        seen = presence.beat(connection.hasty_client())
    except connection.Error:
        seen = None
    return Beat(
        _moment(seen) if seen else None, bool(seen) and time.time() - (seen or 0) < DEAD_AFTER_SECONDS
    )


def _worker(sign: Sign, now: float) -> Worker:
    return Worker(
        name=sign.name,
        queues=sorted(sign.queues),
        last_task=sign.last_task,
        last_seen=_moment(sign.seen),
        tasks_per_minute=sign.tasks_per_minute,
        is_alive=now - sign.seen < DEAD_AFTER_SECONDS,
        concurrency=sign.concurrency,
        pid=sign.pid,
    )


def _moment(seconds: float) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC)
