"""Median, percentiles, rates and exponents."""

from __future__ import annotations

import pytest

from bench import figures


def test_percentiles_are_measurements_that_occurred() -> None:
    ordered = [float(number) for number in range(1, 101)]
    assert figures.percentile(ordered, 50) == 50
    assert figures.percentile(ordered, 99) == 99
    assert figures.percentile([7.0], 99) == 7.0


def test_one_slow_request_in_fifty_is_the_p99() -> None:
    found = figures.of([0.001] * 49 + [0.9], 1.0)
    assert (found.p50_seconds, found.p99_seconds, found.worst_seconds) == (0.001, 0.9, 0.9)


def test_the_order_of_measurements_does_not_matter() -> None:
    assert figures.of([3.0, 1.0, 2.0], 6.0) == figures.of([1.0, 2.0, 3.0], 6.0)


def test_the_rate_counts_what_each_measurement_did() -> None:
    assert figures.of([0.5, 0.5], 2.0).rate == 1.0
    assert figures.of([0.5, 0.5], 2.0, each=1000).rate == 1000.0


def test_no_measurement_gives_zeros() -> None:
    assert figures.of([], 5.0) == figures.Figures(0, 0.0, 0.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize("power", [0, 1, 2])
def test_the_exponent_is_the_power_of_growth(power: int) -> None:
    times = {size: 0.003 * size**power for size in (1000, 10_000, 100_000)}
    assert figures.exponent(times) == pytest.approx(power)


def test_one_size_has_no_exponent() -> None:
    assert figures.exponent({1000: 0.1}) is None
    assert figures.exponent({1000: 0.1, 10_000: 0.0}) is None
