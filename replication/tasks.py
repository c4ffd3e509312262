"""The Celery tasks: thin, idempotent, and given ids only."""

from __future__ import annotations

import logging
from contextlib import suppress

from celery import shared_task, signals
from django.conf import settings

from kcpcache import outage, tracing
from replication import marks, rows, sampling
from replication.replica import audits, connection, sweeping, tallies, wake
from replication.replica import sync as syncing
from replication.replica.connection import Error
from workspaces import hints

logger = logging.getLogger(__name__)


@signals.task_postrun.connect(dispatch_uid="replication.tallies")
def send_tallies(**_: object) -> None:
    """What a task counted is sent when it ends; costs nothing when there is nothing."""
    if lost := hints.take_lost_count():
        tallies.add("hint_lost", lost)
    tallies.send(connection.client())


@shared_task(name="replication.tasks.sync")
def sync(uid: str) -> None:
    """Bring one replica forward."""
    try:
        with tracing.span("replicate", replica=uid):
            outcome = syncing.sync_and_report(connection.client(), uid)
    except Error as error:
        rows.note_error(uid, f"Redis does not answer: {type(error).__name__}")
        outage.report(logger, error, "replica %s waits for Redis", uid)
        return
    if outcome.has_more:
        hints.publish(wake.SYNC_TASK, (uid,), key=uid)


@shared_task(name="replication.tasks.sweep")
def sweep() -> None:
    """Make good whatever hint was lost; publishes nothing when nothing is due."""
    try:
        marks.keep(connection.client())
        sweeping.sweep(connection.client(), settings.KCPCACHE_SHARD)
    except Error as error:
        outage.report(logger, error, "the sweep waits for Redis")


@shared_task(name="replication.tasks.audit")
def audit() -> None:
    """Compare replicas with their sources, repair what differs, and keep their cursors near the log's end."""
    try:
        audits.run(connection.client(), settings.KCPCACHE_SHARD)
    except Error as error:
        outage.report(logger, error, "the audit waits for Redis")


@shared_task(name="replication.tasks.sample")
def sample() -> None:
    """Keep how far the replicas are behind, for the plot of the last hour."""
    with suppress(Error):
        sampling.keep()
