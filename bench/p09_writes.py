"""P9: create, update and delete single objects through the API, from a few clients.

Every request is made beforehand, so the client only sends and waits; its CPU time is told. The floor: one writer that
inserts counter, object and change row in a transaction each, in plain SQL on the same disk, flushed at every commit
(SQLite; a server on another database has the same floor beside it, for comparison only).
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench import (
    catalogue,
    closedloop,
    connection,
    figures,
    floors,
    manifests,
    memory,
    processes,
    progress,
    script,
)
from bench.catalogue import Catalogue
from bench.closedloop import Job
from bench.instance import Instance
from bench.results import Floor, Result

LONGEST_SECONDS = 60.0


def add_options(parser: argparse.ArgumentParser) -> None:
    """How many requests from how many clients."""
    parser.add_argument(
        "--objects", type=int, default=3000, help="that are created, updated, deleted; default: 3000"
    )
    parser.add_argument("--clients", type=int, default=8)


def measure(instance: Instance, options: argparse.Namespace) -> list[Result]:
    """One result for each of the three verbs."""
    with tempfile.TemporaryDirectory(dir=instance.data_dir, prefix="bench-floor-") as directory:
        floor = floors.sql_inserts(manifests.MANIFEST_BYTES + 200, Path(directory))
    with catalogue.stored(instance, 0) as found:
        passes = {
            "create": _requests(found, options.objects, "POST"),
            "update": _requests(found, options.objects, "PATCH"),
            "delete": _requests(found, options.objects, "DELETE"),
        }
        return [_measure(found, verb, requests, options.clients, floor) for verb, requests in passes.items()]


def _requests(found: Catalogue, count: int, method: str) -> list[bytes]:
    target, collection = found.instance.target, found.flavours(found.provider)
    numbers = range(1, count + 1)
    if method == "POST":
        return [
            connection.encode(target, method, collection, manifests.flavour(number)) for number in numbers
        ]
    paths = [f"{collection}/{manifests.name(number)}" for number in numbers]
    if method == "DELETE":
        return [connection.encode(target, method, path) for path in paths]
    merge = {"content_type": "application/merge-patch+json"}
    return [connection.encode(target, method, path, manifests.change(7), **merge) for path in paths]


def _measure(found: Catalogue, verb: str, requests: Sequence[bytes], clients: int, floor: Floor) -> Result:
    progress.say(f"P9: {verb} {len(requests):,} objects, {clients} clients")
    instance = found.instance
    expected = (201,) if verb == "create" else (200,)
    with memory.Peak(instance.supervisor_pid) as peak, processes.shares(instance.supervisor_pid) as shares:
        job = Job(instance.target, requests, clients, LONGEST_SECONDS, repeat=False, expected=expected)
        samples = closedloop.run(job)
    got = figures.of(samples.latencies, samples.wall_seconds)
    is_marked = verb == "create" and clients == 8
    return Result(
        workload="P9",
        case=f"{verb}, {clients} clients",
        sizes={"requests": len(requests), "bytes each": manifests.MANIFEST_BYTES},
        figures=got,
        unit="requests",
        floor=floor,
        memory_bytes=peak.pss_bytes,
        client_share=samples.client_share,
        server_shares=shares.by_role,
        marks={"P9.rate": got.rate, "P9.p99": got.p99_seconds * 1000} if is_marked else {},
        notes=closedloop.failure_notes(samples),
    )


WORKLOAD = script.Workload("P9", __doc__, add_options, measure, quick=("--objects", "100"))

if __name__ == "__main__":
    script.main(WORKLOAD)
