"""P3: changes at a steady rate for a minute; every one of them must reach a consumer's open watch.

Two ways: through the API, one PATCH a change, sent on time whatever the answers take (an open loop); and, where the data
directory is here, in batches of a tenth of a second by the bulk path, which shows what replication takes when single
writes are not what limits. Lag is from sent to shown. The client sends, receives and matches serials in one process: its
CPU time is told. The floor: as many rows a second as plain SQL takes, flushed at every commit.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

import uvloop

from bench import (
    catalogue,
    connection,
    figures,
    floors,
    manifests,
    memory,
    processes,
    progress,
    script,
    steadiness,
    watching,
)
from bench.catalogue import Catalogue
from bench.instance import PROJECT, Instance
from bench.results import Floor, Result
from bench.steadiness import Ledger

SETTLING_SECONDS = 30.0  # how long the last changes may take to be shown
BATCHES_A_SECOND = 10


def add_options(parser: argparse.ArgumentParser) -> None:
    """Rate and duration."""
    parser.add_argument("--rate", type=int, default=1000, help="changes a second; default: 1000")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--objects", type=int, default=1000)
    parser.add_argument("--clients", type=int, default=64, help="connections to send through; default: 64")
    parser.add_argument("--by", choices=["api", "bulk", "both"], default="both")


@dataclass(slots=True)
class _Run:
    """What came of one way."""

    ledger: Ledger = field(default_factory=Ledger)
    offered: int = 0
    writing_seconds: float = 0.0  # until the last one was taken
    wall_seconds: float = 0.0  # until the last one was shown
    client_seconds: float = 0.0
    failed: int = 0


def measure(instance: Instance, options: argparse.Namespace) -> list[Result]:
    """One result for each way."""
    ways = ["api", "bulk"] if options.by == "both" else [options.by]
    if instance.data_dir is None and "bulk" in ways:
        progress.say("P3: no bulk path, as the server's data directory is not here")
        ways.remove("bulk")
    with catalogue.published(instance, options.objects) as found:
        return [_measure(found, way, options) for way in ways]


def _measure(found: Catalogue, way: str, options: argparse.Namespace) -> Result:
    instance, pid = found.instance, found.instance.supervisor_pid
    progress.say(f"P3: {options.rate:,} changes a second for {options.seconds:.0f} s ({way})")
    size_bytes = len(found.api.ask("GET", f"{found.flavours()}/{manifests.name(1)}")[1])
    before = memory.read(pid) if pid else None
    watch_path = found.watch()
    with memory.Peak(pid) as peak, processes.shares(pid) as shares:
        run = uvloop.run((_by_api if way == "api" else _by_bulk)(found, watch_path, options))
    after = memory.read(pid) if pid else None
    lags = run.ledger.lags()
    shown = figures.of(lags, run.wall_seconds)
    taken = len(run.ledger.sent)
    notes = [
        f"{run.offered:,} offered, {taken:,} taken in {run.writing_seconds:.1f} s "
        f"({taken / max(run.writing_seconds, 0.001):,.0f}/s), {run.failed} refused",
        f"{run.ledger.missing} not delivered, {run.ledger.repeated} delivered twice",
        f"median lag of the last third {run.ledger.drift():.1f} times that of the first",
    ]
    if before and after:
        notes.append(steadiness.memory_note(before.pss, after.pss))
    on_time = 100 * taken / run.offered * min(1.0, options.seconds / max(run.writing_seconds, 0.001))
    marks = {"P3.kept_up": on_time, "P3.missing": run.ledger.missing, "P3.lag_p99": shown.p99_seconds * 1000}
    return Result(
        workload="P3",
        case="one by one, API" if way == "api" else "bulk, 10 batches/s",
        sizes={"per second": options.rate, "among": options.objects, "bytes each": size_bytes},
        figures=shown,
        unit="changes",
        floor=_floor(instance, size_bytes, 1 if way == "api" else options.rate // BATCHES_A_SECOND),
        memory_bytes=peak.pss_bytes,
        client_share=run.client_seconds / run.wall_seconds if run.wall_seconds else None,
        server_shares=shares.by_role,
        marks=marks if options.rate == 1000 and way == "api" else {},
        notes=tuple(notes),
    )


async def _by_api(found: Catalogue, watch_path: str, options: argparse.Namespace) -> _Run:
    """Changes by single requests, each sent when it is due on whichever connection is free."""
    run, target = _Run(), found.instance.target
    tls = target.tls()
    watch = await watching.open_watch(target, watch_path, watching.Lines(run.ledger.line).take, tls)
    idle = deque([await connection.connect(target, tls) for _ in range(options.clients)])
    free = asyncio.Semaphore(options.clients)
    running: set[asyncio.Task[None]] = set()
    cpu, started = time.process_time(), time.perf_counter()

    async def change(serial: int) -> None:
        path = f"{found.flavours(found.provider)}/{manifests.name(1 + serial % found.objects)}"
        request = connection.encode(
            target, "PATCH", path, manifests.change(serial), content_type="application/merge-patch+json"
        )
        sender = idle.popleft()
        sent = time.perf_counter()
        try:
            status = (await sender.ask(request)).status
        except (connection.Broken, TimeoutError):
            status, sender = 0, await connection.connect(target, tls)
        idle.append(sender)
        free.release()
        if status == 200:
            run.ledger.sent[serial] = sent
        else:
            run.failed += 1

    deadline = started + options.seconds
    for serial in range(1, int(options.rate * options.seconds) + 1):
        await asyncio.sleep(max(0.0, started + serial / options.rate - time.perf_counter()))
        await free.acquire()
        if time.perf_counter() > deadline + 1:
            free.release()
            break
        task = asyncio.ensure_future(change(serial))
        running.add(task)
        task.add_done_callback(running.discard)
    await asyncio.gather(*running)
    run.offered = int(options.rate * options.seconds)
    run.writing_seconds = time.perf_counter() - started
    await _settle(run, started, cpu)
    watch.close()
    for sender in idle:
        sender.close()
    return run


async def _by_bulk(found: Catalogue, watch_path: str, options: argparse.Namespace) -> _Run:
    """Changes by `bench.bulkchanges`, which tells which it has committed."""
    run, instance = _Run(), found.instance
    watch = await watching.open_watch(instance.target, watch_path, watching.Lines(run.ledger.line).take)
    arguments = [found.provider.path, str(options.rate), str(options.seconds), str(found.objects)]
    writer = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.bulkchanges", *arguments),
        env=instance.environment(),
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert writer.stdin is not None and writer.stdout is not None
    await writer.stdout.readline()
    cpu, started = time.process_time(), time.perf_counter()
    writer.stdin.write(b"go\n")
    async with asyncio.timeout(options.seconds * 5 + SETTLING_SECONDS):
        async for line in writer.stdout:
            batch = json.loads(line)
            run.ledger.sent.update(dict.fromkeys(range(batch["first"], batch["last"] + 1), batch["begun"]))
            run.writing_seconds = batch["committed"] - started
            run.failed = batch["failed"]
        await writer.wait()
    run.offered = len(run.ledger.sent)
    await _settle(run, started, cpu)
    watch.close()
    return run


async def _settle(run: _Run, started: float, cpu: float) -> None:
    """Wait until all is shown, or nothing more can be expected."""
    deadline = time.perf_counter() + SETTLING_SECONDS
    while run.ledger.missing and time.perf_counter() < deadline:
        await asyncio.sleep(0.05)
    run.client_seconds = time.process_time() - cpu
    run.wall_seconds = max(run.ledger.seen.values(), default=time.perf_counter()) - started


def _floor(instance: Instance, size_bytes: int, each: int) -> Floor:
    with tempfile.TemporaryDirectory(dir=instance.data_dir, prefix="bench-floor-") as directory:
        return floors.sql_inserts(size_bytes, Path(directory), each=each)


WORKLOAD = script.Workload(
    "P3", __doc__, add_options, measure, quick=("--rate", "50", "--seconds", "2", "--objects", "50")
)

if __name__ == "__main__":
    script.main(WORKLOAD)
