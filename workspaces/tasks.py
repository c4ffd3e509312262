"""Celery tasks: thin, repeatable, and without arguments; what is to be done stands in the database."""

from __future__ import annotations

import logging
import time

from celery import shared_task
from django.conf import settings

from kcpcache import tracing
from kcpcache.apimachinery import errors
from workspaces import controllers, receivers
from workspaces.controllers import events
from workspaces.store import compaction, leases, work
from workspaces.store.work import WorkItem

logger = logging.getLogger(__name__)

_ROUND = 8  # items claimed at once
_LEASE_SECONDS = 5.0
_RUN_SECONDS = (
    2.0  # after which a run hands over to the next message: a worker has other things to do as well
)
_FIRST_RETRY_SECONDS, _LONGEST_RETRY_SECONDS = 1.0, 60.0
_CONFLICT_RETRY_SECONDS = 0.1
_EVENT_AGE_SECONDS = 3600.0


@shared_task(name="workspaces.tasks.reconcile_due")
def reconcile_due() -> int:
    """Do what is due until nothing is, or for some seconds; returns how many items were done."""
    deadline = time.monotonic() + _RUN_SECONDS
    count = 0
    while work.due(1):
        claimed = leases.claim(_ROUND, _LEASE_SECONDS)
        if len(claimed) == _ROUND:
            receivers.hint()  # there is more than one round: an idle worker may share it
        for item in claimed:
            reconcile(item)
        count += len(claimed)
        if time.monotonic() > deadline:
            receivers.hint()
            break
    return count


def reconcile(item: WorkItem) -> None:
    """One pass over one item; an error is kept with the item and tried again, later and later."""
    controller = controllers.CONTROLLERS.get(item.controller)
    if controller is None:
        work.failed(item, f"no controller is called {item.controller}", _LONGEST_RETRY_SECONDS)
        return
    try:
        with tracing.span("reconcile", controller=item.controller, cluster=item.cluster, name=item.name):
            outcome = controller(item.cluster, item.name)
    except errors.Conflict as conflict:
        work.failed(item, conflict.message, _CONFLICT_RETRY_SECONDS * min(2**item.attempts, 100))
    except Exception as error:  # one item must not stop the others
        logger.exception("%s of %s in %s failed", item.controller, item.name, item.cluster)
        work.failed(item, f"{type(error).__name__}: {error}", _backoff_seconds(item.attempts))
    else:
        if outcome.retry_after_seconds is None:
            work.done(item)
        else:
            leases.postpone(item, outcome.retry_after_seconds)
            if outcome.retry_after_seconds > 0:
                receivers.hint(delay_seconds=outcome.retry_after_seconds)


def _backoff_seconds(attempts: int) -> float:
    return float(min(_FIRST_RETRY_SECONDS * 2 ** min(attempts, 10), _LONGEST_RETRY_SECONDS))


@shared_task(name="workspaces.tasks.sweep")
def sweep() -> None:
    """Make good hints that were lost."""
    if work.due(1):
        receivers.hint(merges=False)


@shared_task(name="workspaces.tasks.compact")
def compact() -> None:
    """Shorten the change log and forget old Events."""
    events.expire(_EVENT_AGE_SECONDS)
    compaction.compact(
        max_age_seconds=settings.KCPCACHE_CHANGE_LOG_SECONDS, max_rows=settings.KCPCACHE_CHANGE_LOG_ROWS
    )
