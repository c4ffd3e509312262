"""P16: a CachedResource with 10,000 objects is deleted until it and every key that it had are gone.

The client asks for the object, then for keys that name its uid in the embedded Redis; where that cannot be reached (the
server is elsewhere or has a Redis of its own), only for the object. The floor: one UNLINK of the same bytes in a bare
Redis.
"""

from __future__ import annotations

import argparse
import contextlib
import time
from collections.abc import Callable, Iterator

import redis

from bench import catalogue, figures, floors, manifests, processes, progress, script
from bench.api import Unexpected, until
from bench.catalogue import Catalogue
from bench.instance import Instance
from bench.results import Result

LONGEST_SECONDS = 120.0


def add_options(parser: argparse.ArgumentParser) -> None:
    """How many objects, how often."""
    parser.add_argument("--objects", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)


def measure(instance: Instance, options: argparse.Namespace) -> list[Result]:
    """One result."""
    progress.say(f"P16: removal of {options.objects:,} replicas, {options.rounds} rounds")
    notes = [] if instance.redis_socket else ["Redis cannot be reached: keys were not looked for"]
    with catalogue.stored(instance, options.objects) as found:
        size_bytes = len(found.api.ask("GET", f"{found.flavours(found.provider)}/{manifests.name(1)}")[1])
        with processes.shares(instance.supervisor_pid) as shares:
            times = [_remove(found) for _ in range(options.rounds)]
    removed = figures.of(times, sum(times), each=options.objects)
    result = Result(
        workload="P16",
        case="CachedResource deleted to nothing left",
        sizes={"objects": options.objects, "bytes each": size_bytes},
        figures=removed,
        unit="objects",
        floor=floors.redis_delete(options.objects, size_bytes),
        server_shares=shares.by_role,
        marks={"P16.seconds": removed.median_seconds} if options.objects == 10_000 else {},
        notes=("CPU includes the fills between rounds", *notes),
    )
    return [result]


def _remove(found: Catalogue) -> float:
    """Seconds of one removal, of a replica that was filled for it."""
    found.replicate()
    uid = found.api.get(found.cached())["metadata"]["uid"]
    with _keys_of(found.instance, uid) as any_left:
        started = time.perf_counter()
        found.api.delete(found.cached())
        until(
            lambda: found.api.ask("GET", found.cached())[0] == 404 and not any_left(),
            "the CachedResource and its keys to go",
            timeout_seconds=LONGEST_SECONDS,
            pause_seconds=0.002,
        )
        return time.perf_counter() - started


@contextlib.contextmanager
def _keys_of(instance: Instance, uid: str) -> Iterator[Callable[[], bool]]:
    """Whether any key names the uid; there must be some at first. Without a Redis: never."""
    if instance.redis_socket is None:
        yield lambda: False
        return
    with contextlib.closing(redis.Redis(unix_socket_path=str(instance.redis_socket), protocol=2)) as client:

        def any_left() -> bool:
            return next(iter(client.scan_iter(match=f"*{uid}*", count=1000)), None) is not None

        if not any_left():
            raise Unexpected(f"the replica of {uid} has no keys before it is removed")
        yield any_left


WORKLOAD = script.Workload("P16", __doc__, add_options, measure, quick=("--objects", "600", "--rounds", "1"))

if __name__ == "__main__":
    script.main(WORKLOAD)
