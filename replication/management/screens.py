"""How health is shown on a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.utils import timezone

from kcpcache.apimachinery import duration
from replication.insight.consumers import Consumer
from replication.insight.health import Health
from replication.insight.troubles import Trouble
from replication.insight.workers import Worker
from workspaces.management.operator import table


def cachedresources(found: Iterable[Health]) -> str:
    """One line each."""
    headers = ("WORKSPACE", "NAME", "RESOURCE", "PHASE", "LOCAL", "CACHE", "LAG", "CONSUMERS", "STATE")
    return table(headers, ([*_identity(each), *_figures(each)] for each in found))


def _identity(each: Health) -> list[str]:
    return [each.workspace, each.name, f"{each.resource}.{each.version}.{each.group}", each.phase]


def _figures(each: Health) -> list[object]:
    lag = f"{each.lag_changes} ({duration.human(each.lag_seconds)})" if each.lag_changes else "0"
    state = each.problems[0].reason if each.problems else ("synced" if each.is_synced else "syncing")
    return [each.local, each.cache, lag, each.consumers, state]


def problems(found: Iterable[Health]) -> list[str]:
    """What is wrong with each, and what to do."""
    lines = []
    for each in found:
        for problem in each.problems:
            lines.append(f"{each.workspace} {each.name}: {problem.reason}: {problem.message}")
            lines.append(f"  -> {problem.what_to_do}")
    return lines


def troubles(found: Iterable[Trouble]) -> list[str]:
    """What is wrong besides CachedResources, whom it concerns, and what to do."""
    return [
        f"FAIL {each.reason}: {each.message}\n     {_subjects(each)}\n  -> {each.what_to_do}"
        for each in found
    ]


def _subjects(trouble: Trouble) -> str:
    named = ", ".join(f"{each.name} in {each.workspace}" for each in trouble.subjects)
    more = trouble.count - len(trouble.subjects)
    where = ": manage.py consumers" if trouble.about == "binding" else ""
    return f"{named}, and {more} more{where}" if more else named


def consumers(found: Iterable[Consumer]) -> str:
    """One line a binding."""
    headers = ("WORKSPACE", "BINDING", "PROVIDER", "EXPORT", "PHASE", "READY", "REVISION", "PROBLEM")
    return table(
        headers,
        (
            (
                each.workspace,
                each.binding,
                each.provider_workspace,
                each.export,
                each.phase,
                each.is_ready,
                each.served_revision,
                each.problem,
            )
            for each in found
        ),
    )


def workers(found: Sequence[Worker]) -> str:
    """One line a worker."""
    now = timezone.now()
    return table(
        ("WORKER", "ALIVE", "QUEUES", "LAST TASK", "PER MINUTE", "SEEN"),
        (
            (
                each.name,
                each.is_alive,
                ",".join(each.queues),
                each.last_task,
                each.tasks_per_minute,
                f"{duration.human((now - each.last_seen).total_seconds())} ago",
            )
            for each in found
        ),
    )
