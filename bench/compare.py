"""Compares two runs, such as those of two commits: ``python -m bench.compare old.json new.json``.

Of each case that both have: median and rate, how they changed, and how the share of the floor changed, which tells a
slower program from a slower machine.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from bench import report, results
from bench.results import Outcome, Result

HEAD = (
    "workload",
    "sizes",
    "median",
    "was",
    "change",
    "rate",
    "was",
    "change",
    "of floor",
    "was",
    "memory",
    "was",
)


def main() -> int:
    """Print the comparison; 1 when a file cannot be read as a run."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.compare",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    options = parser.parse_args()
    try:
        old, new = _read(options.old), _read(options.new)
    except (OSError, ValueError, KeyError, TypeError) as error:
        sys.stderr.write(f"bench.compare: no run of the benchmarks: {error}\n")
        return 1
    print(text(old, new))
    return 0


def text(old: Outcome, new: Outcome) -> str:
    """The comparison as a table, with the differences of the two environments above it."""
    before = {result.key: result for result in old.results}
    differences = [
        f"{name}: {old.environment.get(name, '')} → {value}"
        for name, value in new.environment.items()
        if old.environment.get(name) != value
    ]
    rows = [_row(before[result.key], result) for result in new.results if result.key in before]
    lonely = [_name(result) for result in new.results if result.key not in before]
    lonely += [
        _name(result) for result in old.results if result.key not in {each.key for each in new.results}
    ]
    parts = ["\n".join(differences), report.columns(HEAD, rows) if rows else ""]
    parts.append("only in one of the runs: " + "; ".join(lonely) if lonely else "")
    return "\n\n".join(part for part in parts if part)


def _read(path: Path) -> Outcome:
    return results.from_json(json.loads(path.read_text()))


def _name(result: Result) -> str:
    return f"{result.workload} {result.case} ({report.sizes(result.sizes)})"


def _row(old: Result, new: Result) -> list[str]:
    return [
        f"{new.workload} {new.case}",
        report.sizes(new.sizes),
        _median(new),
        _median(old),
        _change(old.figures.median_seconds, new.figures.median_seconds),
        _rate(new),
        _rate(old),
        _change(old.figures.rate, new.figures.rate),
        report.of_floor(new),
        report.of_floor(old),
        _megabytes(new),
        _megabytes(old),
    ]


def _median(result: Result) -> str:
    return report.duration(result.figures.median_seconds) if result.figures.count else ""


def _rate(result: Result) -> str:
    return report.significant(result.figures.rate) if result.figures.count else ""


def _change(old: float, new: float) -> str:
    return f"{new / old - 1:+.0%}" if old else ""


def _megabytes(result: Result) -> str:
    return "" if result.memory_bytes is None else f"{result.memory_bytes / 1e6:.0f} MB"


if __name__ == "__main__":
    sys.exit(main())
