"""P1: replicate objects of 1.2 KB from the database to the cache.

A provider has N objects. Measured is the time from the request that creates a fresh CachedResource to the first event
of a watch on it whose `status.resourceCounts.cache` is N; status is written at most once a second. The client sends one
request and reads a few events, so next to nothing of the time is its own. The floor: the same bytes written to a bare
Redis with pipelined commands.
"""

from __future__ import annotations

import argparse
import time

from bench import catalogue, figures, floors, manifests, memory, processes, progress, script
from bench.api import Unexpected, until
from bench.catalogue import Catalogue
from bench.instance import Instance
from bench.results import Result

LONGEST_SECONDS = 300.0


def add_options(parser: argparse.ArgumentParser) -> None:
    """Sizes and rounds."""
    parser.add_argument(
        "--sizes", type=script.sizes, default=[1000, 10_000, 100_000], help="objects, comma-separated"
    )
    parser.add_argument(
        "--rounds", type=int, default=3, help="fresh CachedResources for each size; default: 3"
    )


def measure(instance: Instance, options: argparse.Namespace) -> list[Result]:
    """One result for each size."""
    return [_measure(instance, objects, options.rounds) for objects in options.sizes]


def _measure(instance: Instance, objects: int, rounds: int) -> Result:
    progress.say(f"P1: {objects:,} objects, {rounds} rounds")
    with catalogue.stored(instance, objects) as found:
        size_bytes = len(found.api.ask("GET", f"{found.flavours(found.provider)}/{manifests.name(1)}")[1])
        cpu = time.process_time()
        with (
            memory.Peak(instance.supervisor_pid) as peak,
            processes.shares(instance.supervisor_pid) as shares,
        ):
            started = time.perf_counter()
            times = [_replicate(found) for _ in range(rounds)]
            wall_seconds = time.perf_counter() - started
        client_share = (time.process_time() - cpu) / wall_seconds
    median = figures.of(times, sum(times), each=objects)
    return Result(
        workload="P1",
        case="fresh CachedResource to resourceCounts.cache",
        sizes={"objects": objects, "bytes each": size_bytes},
        figures=median,
        unit="objects",
        floor=floors.redis_write(objects, size_bytes),
        memory_bytes=peak.pss_bytes,
        client_share=client_share,
        server_shares=shares.by_role,
        marks={"P1.seconds": median.median_seconds} if objects == 10_000 else {},
        notes=("CPU includes the removal between rounds",),
    )


def _replicate(found: Catalogue) -> float:
    """Seconds of one fill; the CachedResource is gone again afterwards."""
    collection = found.provider.url(manifests.CACHED_PATH)
    revision = found.api.get(collection)["metadata"]["resourceVersion"]
    with found.api.events(f"{collection}?watch=true&resourceVersion={revision}", LONGEST_SECONDS) as events:
        started = time.perf_counter()
        found.api.create(collection, manifests.cached_resource())
        for event in events:
            if _in_cache(event) == found.objects:
                seconds = time.perf_counter() - started
                break
            if time.perf_counter() - started > LONGEST_SECONDS:
                raise Unexpected(f"{found.objects:,} objects were not replicated in {LONGEST_SECONDS:.0f} s")
        else:
            raise Unexpected("the watch on the CachedResource ended before the objects were replicated")
    found.api.delete(found.cached())
    until(lambda: found.api.ask("GET", found.cached())[0] == 404, "the CachedResource to go")
    return seconds


def _in_cache(event: dict[str, dict[str, dict[str, dict[str, int]]]]) -> int:
    counts = (event["object"].get("status") or {}).get("resourceCounts") or {}
    return counts.get("cache", -1)


WORKLOAD = script.Workload(
    "P1", __doc__, add_options, measure, quick=("--sizes", "600,1200", "--rounds", "1")
)

if __name__ == "__main__":
    script.main(WORKLOAD)
