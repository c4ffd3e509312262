"""P2: one change in the provider's workspace until a consumer's open watch shows it, by the whole path.

Changes are sent one by one, each after the last was seen and a pause, so that workers are idle. Measured is the time
from the request sent to the event received. The client waits; its CPU time is told. The floor: a bare ASGI application
that sends the same bytes to one open stream when it gets a POST.
"""

from __future__ import annotations

import argparse

import uvloop

from bench import catalogue, connection, figures, floors, lag, manifests, processes, progress, report, script
from bench.catalogue import Catalogue
from bench.instance import Instance
from bench.lag import Lags
from bench.results import Floor, Result


def add_options(parser: argparse.ArgumentParser) -> None:
    """How many changes, and among how many objects."""
    parser.add_argument("--objects", type=int, default=1000)
    parser.add_argument("--changes", type=int, default=300)
    parser.add_argument(
        "--pause", type=float, default=0.05, help="seconds between changes, about; default: 0.05"
    )


def measure(instance: Instance, options: argparse.Namespace) -> list[Result]:
    """One result."""
    progress.say(f"P2: {options.changes} changes among {options.objects:,} objects")
    with catalogue.published(instance, options.objects) as found:
        size_bytes = len(found.api.ask("GET", f"{found.flavours()}/{manifests.name(1)}")[1])
        with processes.shares(instance.supervisor_pid) as shares:
            lags = uvloop.run(
                lag.measure(
                    instance.target, found.watch(), 1, changes(found, options.changes + 1), options.pause
                )
            )
    seen = figures.of(lags.last, sum(lags.last))
    result = Result(
        workload="P2",
        case="change to open watch",
        sizes={"among": options.objects, "bytes each": size_bytes},
        figures=seen,
        unit="changes",
        floor=_floor(size_bytes),
        client_share=lags.client_share,
        server_shares=shares.by_role,
        marks={"P2.p50": seen.p50_seconds * 1000, "P2.p99": seen.p99_seconds * 1000},
        notes=(_acknowledgement(lags), f"the very first change took {report.duration(lags.first)}"),
    )
    return [result]


def _acknowledgement(lags: Lags) -> str:
    written = figures.of(lags.acknowledged, sum(lags.acknowledged))
    times = f"{report.duration(written.p50_seconds)} (p50), {report.duration(written.p99_seconds)} (p99)"
    return f"the write itself was acknowledged after {times}"


def changes(found: Catalogue, count: int) -> list[lag.Change]:
    """Changes of different objects, in the provider's workspace."""
    return [
        lag.Change(
            connection.encode(
                found.instance.target,
                "PATCH",
                f"{found.flavours(found.provider)}/{manifests.name(1 + serial % found.objects)}",
                manifests.change(serial),
                content_type="application/merge-patch+json",
            ),
            b'"serial":%d' % serial,
        )
        for serial in found.serials(count)
    ]


def _floor(size_bytes: int) -> Floor:
    with floors.hello() as bare:
        lags: Lags = uvloop.run(
            lag.measure(bare, "/watch", 1, lag.floor_changes(size_bytes, 300, bare), 0.002)
        )
    found = figures.of(lags.last, sum(lags.last))
    return Floor(
        "a POST to a bare ASGI application that feeds one open stream", found.p50_seconds, found.rate
    )


WORKLOAD = script.Workload("P2", __doc__, add_options, measure, quick=("--objects", "20", "--changes", "20"))

if __name__ == "__main__":
    script.main(WORKLOAD)
