"""Outcomes as tables: of single results, of marks, of growth; for a terminal and as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bench.marks import MARKS
from bench.results import Growth, Outcome, Result

RESULT_HEAD = (
    *("workload", "sizes", "n", "median", "p50", "p99", "rate", "memory"),
    *("floor p50", "floor rate", "of floor", "CPU"),
)
MARK_HEAD = ("mark", "measured", "to reach", "reached", "goal")
GROWTH_HEAD = ("workload", "median by objects", "exponent")
Rows = Sequence[Sequence[str]]


def text(outcome: Outcome) -> str:
    """Everything, for a terminal."""
    parts = [
        "\n".join(f"{name}: {value}" for name, value in outcome.environment.items()),
        columns(RESULT_HEAD, result_rows(outcome.results)),
        "\n".join(note_lines(outcome.results)),
        columns(MARK_HEAD, mark_rows(outcome.results)) if mark_rows(outcome.results) else "",
        columns(GROWTH_HEAD, growth_rows(outcome.growth)) if outcome.growth else "",
        "\n".join(f"{workload} gave no result: {why}" for workload, why in outcome.failures.items()),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def result_rows(results: Sequence[Result]) -> list[list[str]]:
    """One row a result, in the order of `RESULT_HEAD`."""
    return [_result_row(result) for result in results]


def mark_rows(results: Sequence[Result]) -> list[list[str]]:
    """One row for each mark that was measured, in the order of `MARK_HEAD`."""
    rows = []
    for result in results:
        for key, value in result.marks.items():
            mark = MARKS[key]
            sign = "≤" if mark.at_most else "≥"
            rows.append(
                [
                    mark.what,
                    f"{significant(value)} {mark.unit}".strip(),
                    f"{sign} {mark.mark:,.4g} {mark.unit}".strip(),
                    "yes" if mark.is_met(value) else "NO",
                    f"{sign} {mark.goal:,.4g} {mark.unit}".strip(),
                ]
            )
    return rows


def growth_rows(growth: Sequence[Growth]) -> list[list[str]]:
    """One row a case, in the order of `GROWTH_HEAD`."""
    return [
        [
            f"{each.workload} {each.case}",
            ", ".join(f"{size:,}: {duration(value)}" for size, value in sorted(each.seconds_by_size.items())),
            "" if each.exponent is None else f"{each.exponent:.2f}",
        ]
        for each in growth
    ]


def note_lines(results: Sequence[Result]) -> list[str]:
    """The notes of all results, with the floor each is held against."""
    lines = []
    for result in results:
        said = [f"floor: {result.floor.what}"] if result.floor else []
        said += result.notes
        if said:
            lines.append(f"{result.workload} {result.case} ({sizes(result.sizes)}): {'; '.join(said)}")
    return lines


def duration(seconds: float) -> str:
    """A time in the unit that suits it."""
    if seconds >= 1:
        return f"{seconds:.2f} s"
    return f"{seconds * 1000:.1f} ms" if seconds >= 0.001 else f"{seconds * 1e6:.0f} µs"


def sizes(found: Mapping[str, int]) -> str:
    """Sizes in words."""
    return ", ".join(f"{value:,} {name}" for name, value in found.items())


def columns(head: Sequence[str], rows: Rows) -> str:
    """A table for a terminal: the first column left, the others right."""
    widths = [max(len(row[place]) for row in (head, *rows)) for place in range(len(head))]
    lines = [head, ["-" * width for width in widths], *rows]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if place == 0 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def markdown(head: Sequence[str], rows: Rows) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _result_row(result: Result) -> list[str]:
    floor = result.floor
    return [
        f"{result.workload} {result.case}",
        sizes(result.sizes),
        *_figures(result),
        "" if result.memory_bytes is None else f"{result.memory_bytes / 1e6:.0f} MB",
        duration(floor.p50_seconds) if floor else "",
        f"{significant(floor.rate)}/s" if floor else "",
        of_floor(result),
        _cpu(result),
    ]


def _figures(result: Result) -> list[str]:
    """Empty where nothing was timed."""
    figures = result.figures
    if not figures.count:
        return [""] * 5
    times = (figures.median_seconds, figures.p50_seconds, figures.p99_seconds)
    return [f"{figures.count:,}", *map(duration, times), f"{significant(figures.rate)} {result.unit}/s"]


def of_floor(result: Result) -> str:
    """The rate as a share of the floor's; empty without one."""
    if result.floor is None or not result.floor.rate or not result.figures.count:
        return ""
    share = result.figures.rate / result.floor.rate
    return f"{share:.0%}" if share >= 0.1 else f"{share:.1%}" if share >= 0.001 else "< 0.1%"


def _cpu(result: Result) -> str:
    """Who used the processors: the client first, then what of the server took more than 2 %."""
    shares = {} if result.client_share is None else {"client": result.client_share}
    shares |= {role: share for role, share in result.server_shares.items() if share > 0.02}
    return ", ".join(f"{role} {share:.0%}" for role, share in shares.items())


def significant(value: float) -> str:
    """A number with as many digits as are worth reading."""
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"
