"""P7: one change to many open watches in one web process.

Measured is the time from the request sent until the last watch has the event; p50 and p99 are of single deliveries. All
watches are held by this one process, which takes part of the time: the floor is a bare ASGI application that sends the
same bytes to as many open streams of the same client. A pass reads each event only as far as to know that it came.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

import uvloop

from bench import catalogue, figures, floors, lag, manifests, memory, processes, progress, report, script
from bench.catalogue import Catalogue
from bench.figures import Figures
from bench.instance import Instance
from bench.lag import Lags
from bench.p02_change_to_watch import changes
from bench.results import Floor, Result

PAUSE_SECONDS = 0.1


def add_options(parser: argparse.ArgumentParser) -> None:
    """How many watches and changes."""
    parser.add_argument("--watchers", type=script.sizes, default=[100, 1000], help="comma-separated")
    parser.add_argument("--changes", type=int, default=20)
    parser.add_argument("--objects", type=int, default=100)


def measure(instance: Instance, options: argparse.Namespace) -> list[Result]:
    """One result for each number of watches."""
    with catalogue.published(instance, options.objects) as found:
        return [_measure(found, watchers, options.changes) for watchers in options.watchers]


def _measure(found: Catalogue, watchers: int, count: int) -> Result:
    progress.say(f"P7: {count} changes to {watchers:,} watches")
    instance = found.instance
    size_bytes = len(found.api.ask("GET", f"{found.flavours()}/{manifests.name(1)}")[1])
    before = memory.read(instance.supervisor_pid) if instance.supervisor_pid else None
    with memory.Peak(instance.supervisor_pid) as peak, processes.shares(instance.supervisor_pid) as shares:
        lags = uvloop.run(
            lag.measure(instance.target, found.watch(), watchers, changes(found, count + 1), PAUSE_SECONDS)
        )
    seen, refused = _figures(lags), sum(lags.refused.values())
    notes = [
        f"{lags.opened:,} opened in {lags.opening_seconds:.2f} s, {refused} refused {lags.refused or ''}".strip()
    ]
    notes.append(f"the very first change took {report.duration(lags.first)}")
    if before and peak.memory and lags.opened:
        growth_bytes = peak.memory.pss.get("web", 0) - before.pss.get("web", 0)
        notes.append(f"{growth_bytes / lags.opened / 1024:.0f} KiB of the web process a watch")
    return Result(
        workload="P7",
        case="change to the last watch",
        sizes={"watches": watchers, "bytes each": size_bytes},
        figures=seen,
        unit="changes",
        floor=_floor(size_bytes, watchers, count),
        memory_bytes=peak.pss_bytes,
        client_share=lags.client_share,
        server_shares=shares.by_role,
        marks={"P7.last": seen.median_seconds * 1000, "P7.refused": float(refused)}
        if watchers == 1000
        else {},
        notes=tuple(notes),
    )


def _figures(lags: Lags) -> Figures:
    """The median of the last deliveries, p50 and p99 of all."""
    whole = figures.of(lags.last, sum(lags.last))
    single = figures.of(lags.single, 1.0)
    return replace(whole, p50_seconds=single.p50_seconds, p99_seconds=single.p99_seconds)


def _floor(size_bytes: int, watchers: int, count: int) -> Floor:
    with floors.hello() as bare:
        lags = uvloop.run(
            lag.measure(bare, "/watch", watchers, lag.floor_changes(size_bytes, count, bare), PAUSE_SECONDS)
        )
    found = figures.of(lags.last, sum(lags.last))
    return Floor(
        f"a POST to a bare ASGI application that feeds {watchers:,} open streams; its p50 is of the last one",
        found.median_seconds,
        found.rate,
    )


WORKLOAD = script.Workload("P7", __doc__, add_options, measure, quick=("--watchers", "20", "--changes", "5"))

if __name__ == "__main__":
    script.main(WORKLOAD)
