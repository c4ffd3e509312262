"""The page: figures are replaced, findings stay."""

from __future__ import annotations

from pathlib import Path

from bench import document
from tests.unit.bench import made


def test_findings_stay_when_figures_are_written_again(tmp_path: Path) -> None:
    page = tmp_path / "docs" / "performance.md"
    document.write(page, made.outcome(made.result(rate=1111.0)))
    written = page.read_text()
    assert "1,111 requests/s" in written
    before, _, after = written.partition(document.BEGIN)
    _, _, rest = after.partition(document.END)
    page.write_text(f"{before}{document.BEGIN}\nThe web process waits for the disk.\n{document.END}{rest}")

    document.write(page, made.outcome(made.result(rate=2222.0)))

    assert "1,111" not in page.read_text()
    assert "2,222 requests/s" in page.read_text()
    assert document.findings(page.read_text()) == "The web process waits for the disk."


def test_writing_the_same_outcome_twice_changes_nothing(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    document.write(page, made.outcome())
    first = page.read_text()
    document.write(page, made.outcome())
    assert page.read_text() == first


def test_a_page_has_its_sections() -> None:
    page = document.render(made.outcome(), "nothing")
    for heading in ("# Performance", "## Marks", "## Findings", "## Growth", "## All figures"):
        assert f"{heading}\n" in page
    assert "- P7 gave no result: Broken: closed" in page
