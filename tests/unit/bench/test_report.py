"""Outcomes as tables."""

from __future__ import annotations

import pytest

from bench import figures, report
from bench.results import Result
from tests.unit.bench import made


def test_a_row_has_a_cell_for_each_column() -> None:
    (row,) = report.result_rows([made.result()])
    cells = dict(zip(report.RESULT_HEAD, row, strict=True))
    assert cells == {
        "workload": "P4 GET, 32 clients",
        "sizes": "10,000 objects, 1,200 bytes each",
        "n": "500",
        "median": "2.0 ms",
        "p50": "2.0 ms",
        "p99": "10.5 ms",
        "rate": "2,000 requests/s",
        "memory": "400 MB",
        "floor p50": "1.0 ms",
        "floor rate": "4,000/s",
        "of floor": "50%",
        "CPU": "client 25%, web 98%",
    }


def test_what_was_not_measured_is_left_empty() -> None:
    bare = Result("P12", "at rest", {}, figures.of([], 0.0), "")
    (row,) = report.result_rows([bare])
    assert row == ["P12 at rest", *[""] * (len(report.RESULT_HEAD) - 1)]


@pytest.mark.parametrize(("rate", "reached"), [(1500.0, "yes"), (1499.0, "NO")])
def test_a_lower_bound_is_reached_from_above(rate: float, reached: str) -> None:
    (row,) = report.mark_rows([made.result(rate=rate)])
    assert row[2:4] == ["≥ 1,500 /s", reached]


@pytest.mark.parametrize(("seconds", "reached"), [(1.5, "yes"), (1.51, "NO")])
def test_an_upper_bound_is_reached_from_below(seconds: float, reached: str) -> None:
    marked = Result(
        "P1", "fill", {}, figures.of([seconds], seconds), "objects", marks={"P1.seconds": seconds}
    )
    (row,) = report.mark_rows([marked])
    assert row[2:4] == ["≤ 1.5 s", reached]


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0.0000125, "12 µs"), (0.0125, "12.5 ms"), (1.0, "1.00 s"), (75.0, "75.00 s")]
)
def test_times_have_the_unit_that_suits_them(seconds: float, shown: str) -> None:
    assert report.duration(seconds) == shown


def test_a_terminal_table_is_aligned() -> None:
    table = report.columns(("name", "n"), [["first", "1"], ["x", "1,000"]])
    assert table == "name       n\n-----  -----\nfirst      1\nx      1,000"


def test_a_markdown_table_escapes_its_separator() -> None:
    assert report.markdown(("a", "b"), [["x|y", "1"]]) == "| a | b |\n| --- | --- |\n| x\\|y | 1 |"


def test_the_text_tells_results_marks_growth_and_failures() -> None:
    text = report.text(made.outcome())
    for part in (
        "commit: abc",
        "2,000 requests/s",
        "≥ 1,500 /s",
        "0.02",
        "P7 gave no result: Broken: closed",
        "a note",
    ):
        assert part in text
