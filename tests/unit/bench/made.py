"""An outcome as a run would make it, for tests of what becomes of it."""

from __future__ import annotations

from bench import figures
from bench.results import Floor, Growth, Outcome, Result


def result(
    workload: str = "P4", *, rate: float = 2000.0, floor_rate: float = 4000.0, objects: int = 10_000
) -> Result:
    """A result whose median is 2 ms and whose rate is given."""
    return Result(
        workload=workload,
        case="GET, 32 clients",
        sizes={"objects": objects, "bytes each": 1200},
        figures=figures.Figures(500, 0.002, 0.002, 0.0105, 0.02, rate),
        unit="requests",
        floor=Floor("a bare answer", 0.001, floor_rate),
        memory_bytes=400_000_000,
        client_share=0.25,
        server_shares={"web": 0.98, "redis": 0.01},
        marks={"P4.rate": rate},
        notes=("a note",),
    )


def outcome(*results: Result) -> Outcome:
    """An outcome with a growth and a failure."""
    growth = Growth("P4", "GET, 32 clients", {1000: 0.002, 10_000: 0.0021}, 0.02)
    return Outcome(
        {"date": "2026-01-02", "commit": "abc"},
        list(results or [result()]),
        [growth],
        {"P7": "Broken: closed"},
    )
