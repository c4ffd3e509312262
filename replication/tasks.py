"""The Celery tasks: thin, idempotent, and given ids only."""

from __future__ import annotations

import logging

from celery import shared_task
from django.conf import settings

from replication import reports, rows
from replication.replica import audit as auditing
from replication.replica import connection, sweeping, wake
from replication.replica import sync as syncing
from replication.replica.connection import Error
from workspaces import hints

logger = logging.getLogger(__name__)


@shared_task(name="replication.tasks.sync")
def sync(uid: str) -> None:
    """Bring one replica forward."""
    try:
        outcome = syncing.sync(connection.client(), uid)
    except Error as error:
        rows.note_error(uid, f"Redis does not answer: {type(error).__name__}")
        logger.warning("replica %s waits for Redis: %s", uid, type(error).__name__)
        return
    if outcome.has_changed:
        reports.note_change(uid)
    if outcome.has_more:
        hints.publish(wake.SYNC_TASK, (uid,), key=uid)


@shared_task(name="replication.tasks.sweep")
def sweep() -> None:
    """Make good whatever hint was lost; publishes nothing when nothing is due."""
    try:
        sweeping.sweep(connection.client(), settings.KCPCACHE_SHARD)
    except Error as error:
        logger.warning("the sweep waits for Redis: %s", type(error).__name__)


@shared_task(name="replication.tasks.audit")
def audit() -> None:
    """Compare replicas with their sources, repair what differs, and keep their cursors near the log's end."""
    try:
        for source in rows.all_sources():
            auditing.audit(connection.client(), source)
    except Error as error:
        logger.warning("the audit waits for Redis: %s", type(error).__name__)
