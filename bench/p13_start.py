"""P13: from one command to `/readyz`, on an installed tree: with an empty data directory, and again with what is in it.

Starts instances of its own on a free port, in directories that are removed. The client asks `/readyz` a hundred times a
second at most. The floor: a bare ASGI application behind the same web server, TLS and certificates, started alike.
"""

from __future__ import annotations

import argparse
import contextlib
import time
from pathlib import Path

from bench import figures, floors, instance, progress, script
from bench.instance import Instance
from bench.results import Floor, Result


def add_options(parser: argparse.ArgumentParser) -> None:
    """How often."""
    parser.add_argument("--rounds", type=int, default=3, help="fresh data directories; default: 3")


def measure(_: Instance, options: argparse.Namespace) -> list[Result]:
    """One result for first starts, one for later ones."""
    first, later = [], []
    for number in range(options.rounds):
        progress.say(f"P13: round {number + 1} of {options.rounds}")
        with instance.directory() as directory:
            first.append(_start(directory))
            later.append(_start(directory))
    floor = _floor(options.rounds)
    return [
        _result("first start", first, "P13.first", floor),
        _result("later start", later, "P13.later", floor),
    ]


def _start(directory: Path) -> float:
    started = time.perf_counter()
    with instance.fresh(directory):
        return time.perf_counter() - started


def _floor(rounds: int) -> Floor:
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        with contextlib.ExitStack() as stack:
            stack.enter_context(floors.hello())
            times.append(time.perf_counter() - started)
    found = figures.of(times, sum(times))
    return Floor("start of a bare ASGI application behind the same web server", found.p50_seconds, found.rate)


def _result(case: str, times: list[float], mark: str, floor: Floor) -> Result:
    found = figures.of(times, sum(times))
    return Result(
        workload="P13",
        case=case,
        sizes={"rounds": len(times)},
        figures=found,
        unit="starts",
        floor=floor,
        marks={mark: found.median_seconds},
    )


WORKLOAD = script.Workload("P13", __doc__, add_options, measure, quick=("--rounds", "1"), needs_server=False)

if __name__ == "__main__":
    script.main(WORKLOAD)
