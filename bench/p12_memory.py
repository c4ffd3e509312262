"""P12: memory of all processes together, at rest, and with 10,000 objects cached and read.

Proportional set size from the supervisor down, by role; the client is no part of it. "At rest" is how the server is
when the script starts: for a figure that can be compared, start it fresh. Needs the server on this machine. The floor:
the same web server with a bare ASGI application and an empty Redis, which is what two of the processes cannot go below.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Mapping

from bench import catalogue, closedloop, connection, figures, floors, manifests, memory, progress, script
from bench.api import Unexpected
from bench.closedloop import Job
from bench.instance import Instance
from bench.memory import Memory
from bench.results import Result

CLIENTS = 8


def add_options(parser: argparse.ArgumentParser) -> None:
    """How many objects, and how long to wait."""
    parser.add_argument("--objects", type=int, default=10_000)
    parser.add_argument(
        "--settle", type=float, default=5.0, help="seconds before memory at rest is read; default: 5"
    )
    parser.add_argument(
        "--seconds", type=float, default=3.0, help="of reads: lists, then single objects; default: 3"
    )


def measure(instance: Instance, options: argparse.Namespace) -> list[Result]:
    """Two results; Unexpected when the server's processes are not known."""
    pid = instance.supervisor_pid
    if pid is None:
        raise Unexpected(
            "memory is read from the supervisor's processes: give --data-dir of a server that runs here"
        )
    progress.say(f"P12: at rest, after {options.settle:.0f} s")
    time.sleep(options.settle)
    rest = memory.read(pid)
    progress.say(f"P12: {options.objects:,} objects cached and read")
    with catalogue.published(instance, options.objects) as found:
        list_bytes = len(found.api.ask("GET", found.flavours())[1])
        _read(instance, found.flavours(), options.seconds)
        read = memory.read(pid)
    marks = {"P12.read": read.pss_bytes / 1e6} if options.objects == 10_000 else {}
    rest_sizes: Mapping[str, int] = {"objects cached": 0}
    return [
        _result("at rest", rest_sizes, rest, {"P12.rest": rest.pss_bytes / 1e6}, (_floor(),)),
        _result(
            "cached and read",
            {"objects cached": options.objects, "bytes listed": list_bytes},
            read,
            marks,
            tuple(
                f"{role} gained {(read.pss[role] - rest.pss.get(role, 0)) / list_bytes:.1f} times the list's bytes"
                for role in ("web", "redis")
                if role in read.pss
            ),
        ),
    ]


def _read(instance: Instance, path: str, seconds: float) -> None:
    """Lists, then single objects."""
    for paths in ([path], [f"{path}/{manifests.name(number)}" for number in range(1, 500)]):
        requests = [connection.encode(instance.target, "GET", each) for each in paths]
        closedloop.run(Job(instance.target, requests, CLIENTS, seconds, expected=(200, 404)))


def _result(
    case: str,
    sizes: Mapping[str, int],
    found: Memory,
    marks: Mapping[str, float],
    notes: tuple[str, ...],
) -> Result:
    by_role = ", ".join(f"{role} {size_bytes / 1e6:.0f} MB" for role, size_bytes in found.pss.items())
    return Result(
        workload="P12",
        case=case,
        sizes=sizes,
        figures=figures.of([], 0.0),
        unit="",
        memory_bytes=found.pss_bytes,
        marks=marks,
        notes=(f"PSS: {by_role}; RSS {found.rss_bytes / 1e6:.0f} MB in all", *notes),
    )


def _floor() -> str:
    """The memory of the bare processes, as a note: it is no time and no rate."""
    with floors.hello(), floors.empty_redis():
        own = memory.read(os.getpid()).pss
    web, empty_redis = own.get("bare", 0) / 1e6, own.get("redis", 0) / 1e6
    return f"floor: bare web process {web:.0f} MB, empty Redis {empty_redis:.0f} MB"


WORKLOAD = script.Workload("P12", __doc__, add_options, measure, quick=("--objects", "600", "--settle", "1"))

if __name__ == "__main__":
    script.main(WORKLOAD)
