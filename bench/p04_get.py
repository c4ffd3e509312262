"""P4: GET one object as a consumer, over TLS, from many clients that keep their connections.

Each client asks for another object as soon as it has its answer. The client is one process without a coroutine a
request; its CPU time is told, and the floor is what the same client gets from a bare ASGI application that answers as
many bytes. The number of objects in the list must not matter: see the exponent.
"""

from __future__ import annotations

import argparse
import json
import random

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
from bench.api import Unexpected
from bench.catalogue import Catalogue
from bench.closedloop import Job
from bench.instance import Instance
from bench.results import Result

NAMES = 1000  # different objects that are asked for, at most


def add_options(parser: argparse.ArgumentParser) -> None:
    """Sizes, clients, duration."""
    parser.add_argument(
        "--sizes", type=script.sizes, default=[1000, 10_000, 100_000], help="objects, comma-separated"
    )
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--client-processes", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=5.0)


def measure(instance: Instance, options: argparse.Namespace) -> list[Result]:
    """One result for each size."""
    return [_measure(instance, objects, options) for objects in options.sizes]


def _measure(instance: Instance, objects: int, options: argparse.Namespace) -> Result:
    progress.say(f"P4: GET among {objects:,} objects, {options.clients} clients, {options.seconds:.0f} s")
    with catalogue.published(instance, objects) as found:
        size_bytes = _checked(found)
        numbers = random.sample(range(1, objects + 1), min(NAMES, objects))
        paths = [f"{found.flavours()}/{manifests.name(number)}" for number in numbers]
        requests = [connection.encode(instance.target, "GET", path) for path in paths]
        closedloop.run(Job(instance.target, requests, options.clients, 0.5))
        with (
            memory.Peak(instance.supervisor_pid) as peak,
            processes.shares(instance.supervisor_pid) as shares,
        ):
            job = Job(instance.target, requests, options.clients, options.seconds)
            samples = closedloop.run(job, options.client_processes)
    floor, _ = floors.answers(size_bytes, options.clients, processes=options.client_processes)
    got = figures.of(samples.latencies, samples.wall_seconds)
    return Result(
        workload="P4",
        case=f"GET, {options.clients} clients",
        sizes={"objects": objects, "bytes each": size_bytes},
        figures=got,
        unit="requests",
        floor=floor,
        memory_bytes=peak.pss_bytes,
        client_share=samples.client_share,
        server_shares=shares.by_role,
        marks={"P4.rate": got.rate} if objects == 10_000 and options.clients == 32 else {},
        notes=closedloop.failure_notes(samples),
    )


def _checked(found: Catalogue) -> int:
    """The bytes of an answer, which is the object that was asked for."""
    path = f"{found.flavours()}/{manifests.name(1)}"
    status, content = found.api.ask("GET", path)
    if status != 200 or json.loads(content)["metadata"]["name"] != manifests.name(1):
        raise Unexpected(f"GET {path}: {status} {content[:300]!r}")
    return len(content)


WORKLOAD = script.Workload("P4", __doc__, add_options, measure, quick=("--sizes", "50,600", "--seconds", "1"))

if __name__ == "__main__":
    script.main(WORKLOAD)
