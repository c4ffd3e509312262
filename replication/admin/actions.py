"""The buttons of the admin: what `replication.actions` does, and what is said about it."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest

from replication import actions
from replication.admin import dashboard
from replication.insight import workers
from replication.insight.health import Health
from replication.management.verification import Report
from replication.replica import connection

_COMPARED = 50_000  # objects; more take too long for a page


def resync(request: HttpRequest, health: Health) -> None:
    """Have workers look at the CachedResource and bring its replica to the end of the log."""
    actions.resync(health.uid, health.cluster, health.name)
    _say(request, f"{health.name}: a worker was asked to bring it up to date.")


def repair(request: HttpRequest, health: Health) -> None:
    """Have a worker fill the replica again from the database; consumers read on meanwhile."""
    actions.repair(health.uid)
    _say(request, f"{health.name}: a worker was asked to fill the replica again.")


def verify(request: HttpRequest, health: Health) -> Report | None:
    """Compare the replica with its source, object by object; None, with a message, when that cannot be done."""
    if (health.local or 0) > _COMPARED:
        messages.warning(
            request,
            f"{health.name}: {health.local} objects are too many for a page; use manage.py verify_replica.",
        )
        return None
    try:
        report = actions.verify(health.uid)
    except connection.Error as error:
        messages.error(request, f"{health.name}: Redis does not answer ({type(error).__name__}).")
        return None
    if report is None:
        messages.warning(request, f"{health.name}: there is no replica to be compared yet.")
    elif report.differences:
        messages.error(request, f"{health.name}: {len(report.differences)} differences were found.")
    else:
        messages.success(request, f"{health.name}: {report.count} objects, equal to their sources.")
    return report


ACTIONS = {"resync": resync, "verify": verify, "repair": repair}


def _say(request: HttpRequest, text: str) -> None:
    dashboard.forget()
    if workers.alive("replication"):
        messages.success(request, text)
    else:
        messages.warning(request, f"{text} None is at work: it will be done when one is.")
