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
    _say(request, f"A worker was asked to bring {health.name} up to date.")


def repair(request: HttpRequest, health: Health) -> None:
    """Have a worker fill the replica again from the database; consumers read on meanwhile."""
    actions.repair(health.uid)
    _say(request, f"A worker was asked to fill the replica of {health.name} again.")


def verify(request: HttpRequest, health: Health) -> Report | None:
    """Compare the replica with its source, object by object; None, with a message, when that cannot be done."""
    if (health.local or 0) > _COMPARED:
        messages.warning(
            request,
            f"The {health.local} objects of {health.name} are too many for a page; use manage.py verify_replica.",
        )
        return None
    try:
        report = actions.verify(health.uid)
    except connection.Error as error:
        messages.error(
            request, f"Redis does not answer ({type(error).__name__}); {health.name} was not verified."
        )
        return None
    if report is None:
        messages.warning(request, f"There is no replica of {health.name} yet that could be compared.")
    elif report.differences:
        messages.error(request, f"The replica of {health.name} differs from its source.")
    else:
        messages.success(
            request, f"The replica of {health.name} is right: {report.count} objects, equal to their sources."
        )
    return report


ACTIONS = {"resync": resync, "verify": verify, "repair": repair}


def _say(request: HttpRequest, text: str) -> None:
    dashboard.forget()
    if workers.alive("replication"):
        messages.success(request, text)
    else:
        messages.warning(request, f"{text} None is at work: it will be done when one is.")
