"""Writes docs/performance.md: figures are replaced, what people wrote between the markers is kept."""

from __future__ import annotations

from pathlib import Path

from bench import report
from bench.results import Outcome

BEGIN, END = (
    "<!-- findings: written by people, kept when the figures are read again -->",
    "<!-- end of findings -->",
)
_EMPTY = "Nothing was written down yet."

_HEAD = """\
# Performance

Read by `make bench`, which starts a fresh instance on this machine, runs every script of `bench/` against it and writes
this page; `python -m bench.p04_get --help` and its like run one of them against any server. Two runs are compared by
`python -m bench.compare old.json new.json`, where the files are what `python -m bench.all --output json` prints.

Client and server share the machine. Absolute figures drift with it; what counts is the ratio to the floor that was
measured in the same run by the same client: the same bytes from a bare ASGI application behind the same web server and
TLS, by pipelined Redis commands, or as plain SQL inserts that are flushed to disk.
"""

_COLUMNS = """\
`n` measurements, their median, p50 and p99; where a workload is one long operation, the median is that of its rounds.
Memory is the proportional set size of all processes of the instance, at its highest while the case ran. `of floor` is
rate by rate. CPU is in cores: how much of one the client took, and each part of the server; a client near 100 %
measures itself. P4, P5 and P7 send from one process with as little Python a request as there can be
(`bench/closedloop.py`).
"""


_GROWTH = """\
How the median grows with the number of objects: exponent 0 does not, 1 is linear, more is a defect.
"""


def write(path: Path, outcome: Outcome) -> None:
    """Write the page; findings that are in it stay."""
    before = path.read_text() if path.exists() else ""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render(outcome, findings(before)))


def findings(page: str) -> str:
    """What stands between the markers of a page."""
    _, begun, rest = page.partition(BEGIN)
    kept, ended, _ = rest.partition(END)
    return kept.strip() if begun and ended and kept.strip() else _EMPTY


def render(outcome: Outcome, kept: str) -> str:
    """The page."""
    sections = [
        _HEAD,
        "\n".join(f"- {name}: {value}" for name, value in outcome.environment.items()),
        "## Marks\n",
        report.markdown(report.MARK_HEAD, report.mark_rows(outcome.results)),
        "## Findings\n",
        f"{BEGIN}\n\n{kept}\n\n{END}",
        f"## Growth\n\n{_GROWTH}",
        report.markdown(report.GROWTH_HEAD, report.growth_rows(outcome.growth)),
        f"## All figures\n\n{_COLUMNS}",
        report.markdown(report.RESULT_HEAD, report.result_rows(outcome.results)),
        "\n".join(f"- {line}" for line in report.note_lines(outcome.results)),
        "\n".join(f"- {workload} gave no result: {why}" for workload, why in outcome.failures.items()),
    ]
    return "\n\n".join(section.strip("\n") for section in sections if section) + "\n"
