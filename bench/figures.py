"""What is told of many measurements: median, p50, p99, rate, growth."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figures:
    """Times of single requests, and how many were done a second.

    `median_seconds` is the median of all, or of the rounds where a workload is repeated whole; a workload of
    single requests has p50 = median.
    """

    count: int
    median_seconds: float
    p50_seconds: float
    p99_seconds: float
    worst_seconds: float
    rate: float  # per second, of whatever the workload counts


def of(seconds: Sequence[float], wall_seconds: float, *, each: int = 1) -> Figures:
    """Figures of measurements that took `wall_seconds` together, each of which did `each` things.

    No measurement at all gives zeros: the workload says in its notes what went wrong.
    """
    if not seconds:
        return Figures(0, 0.0, 0.0, 0.0, 0.0, 0.0)
    ordered = sorted(seconds)
    median = percentile(ordered, 50)
    rate = len(ordered) * each / wall_seconds if wall_seconds > 0 else 0.0
    return Figures(len(ordered), median, median, percentile(ordered, 99), ordered[-1], rate)


def percentile(ordered: Sequence[float], percent: float) -> float:
    """The smallest measurement that at least `percent` of 100 do not exceed; `ordered` is not empty."""
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def exponent(seconds_by_size: Mapping[int, float]) -> float | None:
    """How time grows with size: the slope of log(seconds) over log(size), by least squares.

    0 is independent of the size, 1 linear, 2 quadratic. None for fewer than two sizes or times of zero.
    """
    points = [(math.log(size), math.log(value)) for size, value in seconds_by_size.items() if size and value]
    if len(points) < 2:
        return None
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else None
