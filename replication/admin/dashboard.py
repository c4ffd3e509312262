"""The first page: what is replicated, how far behind, who consumes it, what is wrong, and what to do about it."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from replication import sampling
from replication.admin import attention, plot
from replication.insight import consumers, facts, health, system, troubles, workers
from replication.insight.check import Check
from replication.insight.consumers import Consumer
from replication.insight.health import Health
from replication.insight.troubles import Trouble
from replication.replica import connection, samples
from workspaces.store import inspection, overview

_REMEMBERED_SECONDS = 1.5  # however many people look, everything is read once
_ROWS = 20  # of each table
_WARNINGS = 6
# The parts that are always shown; others only when they are not well.
_PARTS = ("workers", "beat", "broker", "redis", "database")


@dataclass(frozen=True, slots=True)
class _Findings:
    """Everything that was read, and when (monotonic seconds)."""

    read_at: float
    found: list[Health]
    consumers: list[Consumer]
    troubles: list[Trouble]
    checks: list[Check]
    restart: Check
    warnings: list[dict[str, Any]]


_lock = threading.Lock()
_last: _Findings | None = None


def page(request: HttpRequest) -> TemplateResponse:
    """The whole page; a script renews its contents every few seconds."""
    context = {**admin.site.each_context(request), "title": "Dashboard", **_context()}
    return TemplateResponse(request, "replication/dashboard.html", context)


def status(request: HttpRequest) -> HttpResponse:
    """The contents alone."""
    return TemplateResponse(request, "replication/status.html", _context())


def forget() -> None:
    """Read everything anew next time: something was done about it."""
    global _last
    _last = None


def _context() -> dict[str, Any]:
    findings = _findings()
    found = sorted(findings.found, key=lambda each: (not each.problems, each.workspace, each.name))
    now = sampling.of(found)
    items = attention.items(found, findings.checks, findings.troubles)
    return {
        "items": items,
        "found": found[:_ROWS],
        "found_count": len(found),
        "object_count": sum(each.cache or 0 for each in found),
        "lag": plot.duration(now.lag_seconds),
        "lag_changes": now.changes,
        "plot": plot.draw([*_samples(), now], now.at),
        "consumers": sorted(findings.consumers, key=lambda each: each.is_ready)[:_ROWS],
        "consumer_count": len(findings.consumers),
        "unready_count": sum(not each.is_ready for each in findings.consumers),
        "parts": [check for check in findings.checks if check.name in _PARTS or not check.is_well],
        "workers": workers.all(),
        "restart": findings.restart,
        "warnings": findings.warnings,
        "now": timezone.now(),
    }


def _findings() -> _Findings:
    """What was read a moment ago, or everything anew."""
    global _last
    with _lock:
        if _last is None or time.monotonic() - _last.read_at > _REMEMBERED_SECONDS:
            gathered = facts.gather()
            found, bound = health.judge(gathered), consumers.judge(gathered)
            with suppress(connection.Error):
                sampling.keep(lambda: found)
            _last = _Findings(
                time.monotonic(),
                found,
                bound,
                troubles.of_consumers(bound) + troubles.of_failures(gathered),
                system.checks(),
                system.is_safe_to_restart(),
                _warnings(),
            )
        return _last


def _samples() -> list[samples.Sample]:
    try:
        return samples.read(connection.hasty_client())
    except connection.Error:
        return []


def _warnings() -> list[dict[str, Any]]:
    """What failed last, from the Events of all workspaces."""
    found = inspection.newest_warnings(_WARNINGS)
    paths = overview.paths({cluster for cluster, _ in found})
    return [
        {
            "workspace": paths.get(cluster, cluster),
            "cluster": cluster,
            "about": event.get("involvedObject") or {},
            "reason": event.get("reason"),
            "message": event.get("message"),
            "at": event.get("lastTimestamp") or event["metadata"]["creationTimestamp"],
            "count": event.get("count") or 1,
        }
        for cluster, event in found
    ]
