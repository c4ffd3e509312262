"""What the scripts share."""

from __future__ import annotations

import argparse

import pytest

from bench import all as everything
from bench import script
from bench.marks import MARKS
from tests.unit.bench import made


@pytest.mark.parametrize("workload", everything.WORKLOADS, ids=lambda workload: workload.key)
def test_the_quick_options_are_options_of_the_script(workload: script.Workload) -> None:
    assert isinstance(workload.parser().parse_args(list(workload.quick)), argparse.Namespace)
    assert workload.description.startswith(f"{workload.key}: ")


def test_every_mark_belongs_to_a_workload() -> None:
    assert {key.partition(".")[0] for key in MARKS} == {workload.key for workload in everything.WORKLOADS}


def test_sizes_are_numbers_with_commas_between() -> None:
    assert script.sizes("1000,10_000") == [1000, 10_000]


def test_growth_is_told_of_cases_with_several_sizes() -> None:
    several = [made.result(objects=1000), made.result(objects=10_000), made.result("P5")]
    (growth,) = script.growth(several)
    assert (growth.workload, growth.seconds_by_size, growth.exponent) == (
        "P4",
        {1000: 0.002, 10_000: 0.002},
        0.0,
    )
