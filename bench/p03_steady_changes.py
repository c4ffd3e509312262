"""P3: changes at a steady rate for a minute; every one of them must reach a consumer's open watch.

Two ways: through the API, one PATCH a change, sent on time whatever the answers take (an open loop); and, where the
data directory is here, in batches of a tenth of a second by the bulk path, which shows what replication takes when
single writes are not what limits. Lag is from sent to shown. The client sends, receives and matches serials in one
process: its CPU time is told. The floor: as many rows a second as plain SQL takes, flushed at every commit.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import uvloop

from bench import (
    catalogue,
    changing,
    figures,
    floors,
    manifests,
    memory,
    processes,
    progress,
    report,
    script,
    steadiness,
)
from bench.catalogue import Catalogue
from bench.changing import Changing, Pace
from bench.instance import Instance
from bench.results import Floor, Result

BATCHES_A_SECOND = 10


def add_options(parser: argparse.ArgumentParser) -> None:
    """Rate and duration."""
    parser.add_argument("--rate", type=int, default=1000, help="changes a second; default: 1000")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--objects", type=int, default=1000)
    parser.add_argument("--clients", type=int, default=64, help="connections to send through; default: 64")
    parser.add_argument("--by", choices=["api", "bulk", "both"], default="both")


def measure(instance: Instance, options: argparse.Namespace) -> list[Result]:
    """One result for each way."""
    ways = ["api", "bulk"] if options.by == "both" else [options.by]
    if instance.data_dir is None and "bulk" in ways:
        progress.say("P3: no bulk path, as the server's data directory is not here")
        ways.remove("bulk")
    with catalogue.published(instance, options.objects) as found:
        return [_measure(found, way, options) for way in ways]


def _measure(found: Catalogue, way: str, options: argparse.Namespace) -> Result:
    pid, pace = found.instance.supervisor_pid, Pace(options.rate, options.seconds)
    progress.say(f"P3: {pace.rate:,} changes a second for {pace.seconds:.0f} s ({way})")
    size_bytes = len(found.api.ask("GET", f"{found.flavours()}/{manifests.name(1)}")[1])
    before = memory.read(pid).pss if pid else {}
    with memory.Peak(pid) as peak, processes.shares(pid) as shares:
        if way == "api":
            run = uvloop.run(changing.by_api(found, found.watch(), pace, options.clients))
        else:
            run = uvloop.run(changing.by_bulk(found, found.watch(), pace))
    notes = _notes(run)
    if pid:
        notes.append(steadiness.memory_note(before, memory.read(pid).pss))
    shown = figures.of(run.ledger.lags(), run.wall_seconds)
    marks = {
        "P3.kept_up": 100 * run.on_time(pace.seconds),
        "P3.missing": run.ledger.missing,
        "P3.lag_p99": shown.p99_seconds * 1000,
    }
    return Result(
        workload="P3",
        case="one by one, API" if way == "api" else f"bulk, {BATCHES_A_SECOND} batches/s",
        sizes={"per second": pace.rate, "among": found.objects, "bytes each": size_bytes},
        figures=shown,
        unit="changes",
        floor=_floor(
            found.instance, size_bytes, 1 if way == "api" else max(1, pace.rate // BATCHES_A_SECOND)
        ),
        memory_bytes=peak.pss_bytes,
        client_share=run.client_seconds / run.wall_seconds if run.wall_seconds else None,
        server_shares=shares.by_role,
        marks=marks if pace.rate == 1000 and way == "api" else {},
        notes=tuple(notes),
    )


def _notes(run: Changing) -> list[str]:
    taken = len(run.ledger.sent)
    notes = [
        f"{run.offered:,} offered, {taken:,} taken in {run.writing_seconds:.1f} s, {run.failed} refused",
        f"{run.ledger.missing} not delivered, {run.ledger.repeated} delivered twice",
        f"median lag of the last third {run.ledger.drift():.1f} times that of the first",
    ]
    if run.acknowledged:
        written = figures.of(run.acknowledged, run.writing_seconds)
        times = f"{report.duration(written.p50_seconds)} (p50), {report.duration(written.p99_seconds)} (p99)"
        notes.append(f"the write itself was acknowledged after {times}")
    return notes


def _floor(instance: Instance, size_bytes: int, each: int) -> Floor:
    with tempfile.TemporaryDirectory(dir=instance.data_dir, prefix="bench-floor-") as directory:
        return floors.sql_inserts(size_bytes, Path(directory), each=each)


WORKLOAD = script.Workload(
    "P3", __doc__, add_options, measure, quick=("--rate", "50", "--seconds", "2", "--objects", "50")
)

if __name__ == "__main__":
    script.main(WORKLOAD)
