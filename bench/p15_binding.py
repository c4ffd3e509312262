"""P15: an APIBinding is created until the consumer's first whole LIST; a CRD is created until it is served.

Each round binds a new workspace. The client asks again as soon as it has its answer and one millisecond has passed, so
it takes a little of the server's time; its CPU time is told. The floor: the two answers that there must be at least,
with as many bytes, from a bare ASGI application.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bench import catalogue, figures, floors, manifests, processes, progress, script
from bench.api import API, Unexpected
from bench.catalogue import Workspace
from bench.figures import Figures
from bench.instance import Instance
from bench.results import Floor, Result

LONGEST_SECONDS = 60.0
PAUSE_SECONDS = 0.001


def add_options(parser: argparse.ArgumentParser) -> None:
    """How often, and how many objects there are to list."""
    parser.add_argument("--objects", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=15)


def measure(instance: Instance, options: argparse.Namespace) -> list[Result]:
    """One result for bindings, one for CRDs."""
    progress.say(f"P15: {options.rounds} bindings of {options.objects:,} objects, {options.rounds} CRDs")
    with catalogue.published(instance, options.objects) as found:
        list_bytes = len(found.api.ask("GET", found.flavours())[1])
        consumers = [found.consumer() for _ in range(options.rounds)]
        bindings = [_Creation.binding(found.provider, each, options.objects) for each in consumers]
        crds = [_Creation.crd(found.provider, f"racks{number}s") for number in range(options.rounds)]
        return [
            _measure(instance, found.api, "APIBinding to first whole LIST", "P15.list", list_bytes, bindings),
            _measure(instance, found.api, "CRD to served", "P15.crd", 200, crds),
        ]


@dataclass(frozen=True, slots=True)
class _Creation:
    """What is created, and where it shows."""

    path: str
    body: Mapping[str, object]
    list_path: str
    is_whole: Callable[[bytes], bool]

    @staticmethod
    def binding(provider: Workspace, consumer: Workspace, objects: int) -> _Creation:
        """A binding; the list must have every object."""
        return _Creation(
            consumer.url(manifests.BINDINGS_PATH),
            manifests.binding(provider.path),
            consumer.url(manifests.FLAVOURS_PATH),
            lambda content: content.count(b'"kind":"CPUFlavor"') == objects,
        )

    @staticmethod
    def crd(provider: Workspace, plural: str) -> _Creation:
        """A CRD; any list will do."""
        return _Creation(
            provider.url(manifests.CRDS_PATH),
            manifests.crd(plural),
            provider.url(f"/apis/{manifests.GROUP}/v1/{plural}"),
            lambda content: True,
        )


def _measure(
    instance: Instance, api: API, case: str, mark: str, size_bytes: int, creations: list[_Creation]
) -> Result:
    cpu, started = time.process_time(), time.perf_counter()
    with processes.shares(instance.supervisor_pid) as shares:
        times = [_create(api, creation) for creation in creations]
    client_share = (time.process_time() - cpu) / (time.perf_counter() - started)
    found: Figures = figures.of(times, sum(times))
    return Result(
        workload="P15",
        case=case,
        sizes={"bytes listed": size_bytes},
        figures=found,
        unit="creations",
        floor=_floor(size_bytes),
        client_share=client_share,
        server_shares=shares.by_role,
        marks={mark: found.median_seconds * 1000},
    )


def _create(api: API, creation: _Creation) -> float:
    """Seconds from the request to the whole list."""
    started = time.perf_counter()
    api.create(creation.path, creation.body)
    while time.perf_counter() - started < LONGEST_SECONDS:
        status, content = api.ask("GET", creation.list_path)
        now = time.perf_counter()
        if status == 200 and creation.is_whole(content):
            return now - started
        time.sleep(PAUSE_SECONDS)
    raise Unexpected(f"{creation.list_path} was not whole after {LONGEST_SECONDS:.0f} s")


def _floor(size_bytes: int) -> Floor:
    once, _ = floors.answers(200, 1)
    listed, _ = floors.answers(size_bytes, 1)
    seconds = once.p50_seconds + listed.p50_seconds
    return Floor(f"a bare ASGI answer of 200 bytes and one of {size_bytes:,}", seconds, 1 / seconds)


WORKLOAD = script.Workload("P15", __doc__, add_options, measure, quick=("--objects", "20", "--rounds", "2"))

if __name__ == "__main__":
    script.main(WORKLOAD)
