"""Two runs beside each other."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from bench import compare, results
from tests.unit.bench import made


def test_a_case_of_both_runs_shows_how_it_changed() -> None:
    text = compare.text(made.outcome(made.result(rate=1000.0)), made.outcome(made.result(rate=1500.0)))
    row = next(line for line in text.splitlines() if line.startswith("P4"))
    assert "+50%" in row
    assert "38%" in row
    assert "25%" in row


def test_a_case_of_one_run_is_named() -> None:
    text = compare.text(made.outcome(made.result(objects=1000)), made.outcome(made.result(objects=10_000)))
    assert "only in one of the runs: P4 GET, 32 clients (10,000 objects, 1,200 bytes each); P4" in text


def test_another_commit_is_told() -> None:
    new = made.outcome()
    changed = results.Outcome({**new.environment, "commit": "def"}, new.results)
    assert "commit: abc → def" in compare.text(made.outcome(), changed)


def test_the_command_compares_what_all_prints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    files = []
    for number, rate in enumerate((1000.0, 900.0)):
        file = tmp_path / f"{number}.json"
        file.write_text(json.dumps(results.to_json(made.outcome(made.result(rate=rate)))))
        files.append(str(file))
    monkeypatch.setattr(sys, "argv", ["compare", *files])
    assert compare.main() == 0
    assert "-10%" in capsys.readouterr().out


def test_a_file_that_is_no_run_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "x.json"
    file.write_text("{}")
    monkeypatch.setattr(sys, "argv", ["compare", str(file), str(file)])
    assert compare.main() == 1
    assert "no run of the benchmarks" in capsys.readouterr().err
