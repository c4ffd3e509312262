"""All workloads against a fresh instance on this machine: prints the figures and writes docs/performance.md.

A workload that fails is told and does not stop the others; the exit code is 1 then. Marks that are missed change
nothing: figures are read, not asserted.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from bench import (
    document,
    environment,
    instance,
    p01_replicate,
    p02_change_to_watch,
    p03_steady_changes,
    p04_get,
    p05_list,
    p07_watchers,
    p09_writes,
    p12_memory,
    p13_start,
    p15_binding,
    p16_removal,
    progress,
    script,
)
from bench.instance import PROJECT, Instance
from bench.results import Outcome
from bench.script import Workload

# Memory at rest is read before anything else has run, and what loads the instance most comes last.
WORKLOADS = (
    p12_memory.WORKLOAD,
    p15_binding.WORKLOAD,
    p02_change_to_watch.WORKLOAD,
    p09_writes.WORKLOAD,
    p07_watchers.WORKLOAD,
    p04_get.WORKLOAD,
    p05_list.WORKLOAD,
    p01_replicate.WORKLOAD,
    p16_removal.WORKLOAD,
    p03_steady_changes.WORKLOAD,
    p13_start.WORKLOAD,
)
PAGE = PROJECT / "docs" / "performance.md"


def main() -> int:
    """Run, print, write; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.all", description=__doc__)
    parser.add_argument(
        "--only", metavar="KEYS", help="comma-separated, such as P4,P5; no page is written then"
    )
    parser.add_argument(
        "--quick", action="store_true", help="small sizes, to see that all of it works; writes no page"
    )
    parser.add_argument("--page", type=Path, default=PAGE, help=f"default: {PAGE.relative_to(PROJECT)}")
    parser.add_argument("--output", choices=["table", "json"], default="table")
    options = parser.parse_args()
    script.prepare()
    wanted = [each for each in WORKLOADS if not options.only or each.key in options.only.split(",")]
    outcome = run(wanted, quick=options.quick)
    script.show(outcome, options.output)
    if not (options.quick or options.only):
        document.write(options.page, outcome)
        progress.say(f"written: {options.page}")
    return 1 if outcome.failures else 0


def run(workloads: Sequence[Workload], *, quick: bool) -> Outcome:
    """What all workloads found out, on one fresh instance."""
    outcome = Outcome(environment.describe())
    with instance.directory() as directory, instance.fresh(directory) as server:
        for workload in (each for each in workloads if each.needs_server):
            _run(workload, server, outcome, quick)
    for workload in (each for each in workloads if not each.needs_server):
        _run(workload, instance.NOWHERE, outcome, quick)
    outcome.results.sort(key=lambda result: int(result.workload[1:]))
    outcome.growth.extend(script.growth(outcome.results))
    return outcome


def _run(workload: Workload, server: Instance, outcome: Outcome, quick: bool) -> None:
    options = workload.parser().parse_args(list(workload.quick) if quick else [])
    started = time.monotonic()
    try:
        outcome.results.extend(workload.measure(server, options))
    except Exception as error:  # one workload that cannot run must not take the others with it
        outcome.failures[workload.key] = f"{type(error).__name__}: {error}"
        progress.say(f"{workload.key} failed: {type(error).__name__}: {error}")
    progress.say(f"{workload.key} took {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    sys.exit(main())
