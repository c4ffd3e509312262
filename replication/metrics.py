"""The figures of replication for `/metrics`: those of the whole shard, whichever process is scraped.

They are computed at the scrape, from the store and from the replicas themselves: a worker that is gone cannot report.
No label names a workspace or a consumer: what stands out is found in the admin, not in thousands of series.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from replication.insight import health, workers
from replication.insight.health import Health
from replication.replica import connection, tallies
from workspaces import controllers, hints
from workspaces.store import figures, revisions

_PHASES = ("Initializing", "Ready", "Deleting")


class Replication:
    """Asked at each scrape; costs a bounded number of statements and of round trips to Redis."""

    def collect(self) -> Iterator[Metric]:
        """The families, as of now. Without Redis those that it alone knows are missing."""
        found = health.all()
        yield from _replicas(found)
        yield from _queues(found)
        now = revisions.newest()
        yield GaugeMetricFamily("kcpcache_revision", "The store's newest revision.", value=now.value)
        yield GaugeMetricFamily(
            "kcpcache_compacted_revision", "The log reaches back to here.", value=now.compacted
        )
        yield from _cache()


def _replicas(found: Sequence[Health]) -> Iterator[Metric]:
    lag = max((each.lag_seconds for each in found), default=0.0)
    yield GaugeMetricFamily(
        "kcpcache_replication_lag_seconds",
        "Age of the oldest change that a replica has not seen, of all replicas.",
        value=lag,
    )
    behind = sum(each.lag_changes for each in found)
    yield GaugeMetricFamily(
        "kcpcache_replication_lag_changes", "Changes that replicas have not seen.", value=behind
    )
    objects = GaugeMetricFamily(
        "kcpcache_objects",
        "Replicated objects, selected in the store and held in the cache.",
        labels=["where"],
    )
    objects.add_metric(["source"], sum(each.local or 0 for each in found))
    objects.add_metric(["cache"], sum(each.cache or 0 for each in found))
    yield objects
    synced = [each.last_sync.timestamp() for each in found if each.last_sync is not None]
    yield GaugeMetricFamily(
        "kcpcache_last_sync_timestamp_seconds",
        "When the last batch went into any replica; 0 for never.",
        value=max(synced, default=0.0),
    )
    phases = Counter(each.phase for each in found)
    by_phase = GaugeMetricFamily("kcpcache_cachedresources", "CachedResources by phase.", labels=["phase"])
    for phase in sorted({*_PHASES, *phases}):
        by_phase.add_metric([phase], phases[phase])
    yield by_phase
    reasons = Counter(problem.reason for each in found for problem in each.problems)
    problems = GaugeMetricFamily(
        "kcpcache_problems", "What is wrong with CachedResources, by reason.", labels=["reason"]
    )
    for reason, count in sorted(reasons.items()):
        problems.add_metric([reason], count)
    yield problems
    yield GaugeMetricFamily(
        "kcpcache_unhealthy_cachedresources",
        "CachedResources with a problem.",
        value=sum(bool(each.problems) for each in found),
    )
    yield GaugeMetricFamily(
        "kcpcache_consumers",
        "Bindings served, over all CachedResources.",
        value=sum(each.consumers for each in found),
    )


def _queues(found: Sequence[Health]) -> Iterator[Metric]:
    waiting = figures.waiting_by_controller()
    depth = GaugeMetricFamily(
        "workqueue_depth",
        "What waits: objects by controller, and replicas behind their source.",
        labels=["name"],
    )
    for name in sorted({*controllers.CONTROLLERS, *waiting}):
        depth.add_metric([name], waiting.get(name, 0))
    depth.add_metric(["replication"], sum(not each.is_synced for each in found))
    yield depth
    yield GaugeMetricFamily("kcpcache_workers", "Celery workers at work.", value=len(workers.alive()))


def _cache() -> Iterator[Metric]:
    client = connection.hasty_client()
    if lost := hints.take_lost_count():  # of this process
        tallies.add("hint_lost", lost)
    try:
        tallies.send(client)
        counted = tallies.read(client)
    except connection.Error:
        yield GaugeMetricFamily("kcpcache_cache_up", "Whether Redis answers.", value=0)
        return
    yield GaugeMetricFamily("kcpcache_cache_up", "Whether Redis answers.", value=1)
    yield CounterMetricFamily(
        "kcpcache_drift", "Audits that found a replica to differ.", value=counted.get("drift", 0)
    )
    yield CounterMetricFamily(
        "kcpcache_hint_lost", "Celery messages that could not be sent.", value=counted.get("hint_lost", 0)
    )
