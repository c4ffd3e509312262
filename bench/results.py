"""What a workload found out, in a form that is printed, kept as JSON and compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from bench.figures import Figures


@dataclass(frozen=True, slots=True)
class Floor:
    """The same bytes by the barest means, measured in the same run with the same client."""

    what: str
    p50_seconds: float
    rate: float


@dataclass(frozen=True, slots=True)
class Result:
    """One case of a workload.

    `client_share` is the CPU time of the client's processes for each second, `server_shares` that of each of
    the instance's. `marks` holds what is held against `bench.marks`, by the mark's key.
    """

    workload: str
    case: str
    sizes: Mapping[str, int]
    figures: Figures
    unit: str  # of the rate, such as "requests"
    floor: Floor | None = None
    memory_bytes: int | None = None
    client_share: float | None = None
    server_shares: Mapping[str, float] = field(default_factory=dict)
    marks: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[str, str, tuple[tuple[str, int], ...]]:
        """What makes it the same case in another run."""
        return self.workload, self.case, tuple(sorted(self.sizes.items()))


@dataclass(frozen=True, slots=True)
class Growth:
    """How the median of a workload's case grows with the number of objects; exponent 1 is linear."""

    workload: str
    case: str
    seconds_by_size: Mapping[int, float]
    exponent: float | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that one run found out."""

    environment: Mapping[str, str]
    results: list[Result] = field(default_factory=list)
    growth: list[Growth] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)  # workload: why it gave no result


def to_json(outcome: Outcome) -> dict[str, Any]:
    """The outcome as plain JSON values."""
    return asdict(outcome)


def from_json(document: Mapping[str, Any]) -> Outcome:
    """The outcome that `to_json` was given; KeyError or TypeError for anything else."""
    return Outcome(
        environment=document["environment"],
        results=[_result(each) for each in document["results"]],
        growth=[
            Growth(
                **{
                    **each,
                    "seconds_by_size": {int(size): value for size, value in each["seconds_by_size"].items()},
                }
            )
            for each in document["growth"]
        ],
        failures=dict(document["failures"]),
    )


def _result(document: Mapping[str, Any]) -> Result:
    floor = document["floor"]
    return Result(
        **{
            **document,
            "figures": Figures(**document["figures"]),
            "floor": Floor(**floor) if floor else None,
            "notes": tuple(document["notes"]),
        }
    )
