"""What limits a worker to a part of a core."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bench import coreshare
from bench.instance import NotReady


@pytest.fixture(params=["first", "second"])
def control_groups(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory like the kernel's, of one version; where groups are made in it."""
    cpu = tmp_path / "cpu"
    cpu.mkdir()
    if request.param == "first":
        (cpu / "cpu.cfs_quota_us").write_text("-1")
    monkeypatch.setattr(coreshare, "_ROOTS", (tmp_path, cpu))
    return cpu if request.param == "first" else tmp_path


def test_process_is_put_into_a_group_with_its_share(control_groups: Path) -> None:
    with coreshare.of_a_core(0.25, 4711):
        group = control_groups / "kcpcache-bench-4711"
        assert (group / "cgroup.procs").read_text() == "4711"
        limits = {each.name: each.read_text() for each in group.iterdir() if each.name.startswith("cpu.")}
    assert limits in ({"cpu.max": "2500 10000"}, {"cpu.cfs_quota_us": "2500", "cpu.cfs_period_us": "10000"})


def test_machine_without_control_groups_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coreshare, "_ROOTS", (tmp_path / "none", tmp_path / "none" / "cpu"))
    with pytest.raises(NotReady, match="--core-share needs control groups"), coreshare.of_a_core(0.5, 4711):
        pytest.fail("not limited")


def test_limited_process_gets_no_more_than_its_share() -> None:
    program = "import os, time\nend = time.monotonic() + 1\nwhile time.monotonic() < end: sum(range(1000))\n"
    program += "print(sum(os.times()[:2]))"
    process = subprocess.Popen(
        [sys.executable, "-c", f"input()\n{program}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        with coreshare.of_a_core(0.25, process.pid):
            output, _ = process.communicate("\n")
    except NotReady as refusal:
        process.kill()
        process.communicate()
        pytest.skip(str(refusal))
    assert float(output) < 0.6  # seconds of one second, what it took to begin included
