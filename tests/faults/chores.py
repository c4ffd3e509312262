"""Work for workers under test, imported by `--include`; what was done is noted in the Redis of the cache."""

from __future__ import annotations

import time

from celery import shared_task

from replication.replica import connection

DONE, BEGUN = "chores.done", "chores.begun"
TASK = "tests.faults.chores.chore"


@shared_task(name=TASK)
def chore(name: str, seconds: float = 0.0) -> None:
    """Take some time, and note the name."""
    connection.client().sadd(BEGUN, name)
    time.sleep(seconds)
    connection.client().sadd(DONE, name)
