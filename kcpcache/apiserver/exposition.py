"""`/metrics`: the figures of this process and of the whole service, as OpenMetrics or Prometheus' older text.

Whoever scrapes needs a bearer token of a user in `system:masters`, or in `system:monitoring`, which may read this
page and nothing else. Apps name further collectors by `add_collector`; they are asked at each scrape.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Protocol

from django.utils.module_loading import import_string
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from kcpcache import outage
from kcpcache.apiserver import collectors, metrics, streaming

logger = logging.getLogger(__name__)


class Requests(Collector):
    """What this process has answered."""

    def collect(self) -> Iterator[Metric]:
        """The families, as of now."""
        found = metrics.requests.by_labels()
        totals = CounterMetricFamily(
            "apiserver_request", "Requests by verb, resource and HTTP code.", labels=metrics.LABELS
        )
        durations: dict[metrics.Labels, list[float]] = {}
        for labels, series in found.items():
            totals.add_metric(labels, sum(series[1:]))
            if any(series[1:-1]):
                merged = durations.setdefault(labels[:-1], [0.0] * len(series))
                durations[labels[:-1]] = [one + other for one, other in zip(merged, series, strict=True)]
        yield totals
        family = HistogramMetricFamily(
            "apiserver_request_duration_seconds",
            "Time from a request's last byte to its answer; watches, which go on, are not in it.",
            labels=metrics.LABELS[:-1],
        )
        for labels, series in durations.items():
            family.add_metric(labels, _cumulative(series[1:-1]), series[0])
        yield family


class Watches(Collector):
    """The open watches of this process, and what they were sent."""

    def collect(self) -> Iterator[Metric]:
        """The families, as of now."""
        running = GaugeMetricFamily("apiserver_longrunning_requests", "Open watches.", labels=["verb"])
        running.add_metric(["WATCH"], streaming.open_count())
        yield running
        yield CounterMetricFamily(
            "apiserver_watch_events", "Events sent to watchers.", value=streaming.watch_events_total
        )
        yield CounterMetricFamily(
            "kcpcache_slow_watchers",
            "Watches that were ended because their client did not keep up.",
            value=streaming.slow_watchers_total,
        )


class Dependencies(Collector):
    """The servers that this process needs, as far as it has missed them."""

    def collect(self) -> Iterator[Metric]:
        """The families, as of now."""
        up = GaugeMetricFamily(
            "kcpcache_dependency_up", "Whether a server is there, as this process knows.", labels=["server"]
        )
        away = CounterMetricFamily(
            "kcpcache_dependency_away_seconds",
            "How long a server was away in all, for this process.",
            labels=["server"],
        )
        for label, known in outage.figures().items():
            up.add_metric([label], known.is_up)
            away.add_metric([label], known.away_seconds)
        yield up
        yield away


class Further(Collector):
    """What the apps add. One that fails is logged and left out: the others are wanted the more."""

    def collect(self) -> Iterator[Metric]:
        """The families of each collector."""
        for path in collectors.paths:
            made: _Collects = import_string(path)()
            try:
                families = list(made.collect())
            except Exception:
                logger.exception("%s has no figures", path)
                continue
            yield from families


class _Collects(Protocol):
    def collect(self) -> Iterator[Metric]: ...


def registry() -> CollectorRegistry:
    """All collectors of a web process."""
    made = CollectorRegistry()
    PlatformCollector(registry=made)
    ProcessCollector(registry=made)
    GCCollector(registry=made)
    for collector in (Requests(), Watches(), Dependencies(), Further()):
        made.register(collector)
    return made


def _cumulative(counts: list[float]) -> list[tuple[str, float]]:
    """Prometheus' buckets: each holds those below it too."""
    total, buckets = 0.0, []
    for bound, count in zip((*map(str, metrics.BUCKETS_SECONDS), "+Inf"), counts, strict=True):
        total += count
        buckets.append((bound, total))
    return buckets
