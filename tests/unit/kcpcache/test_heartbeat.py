"""The heartbeat file and its health check."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kcpcache import heartbeat
from tests import servers


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "heartbeat"
    monkeypatch.setenv(heartbeat.VARIABLE, str(path))
    return path


def test_process_that_beats_is_healthy(file: Path) -> None:
    heartbeat.beat()
    assert heartbeat.main() == 0


def test_process_that_never_beat_is_not(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert heartbeat.main() == 1
    assert capsys.readouterr().err == "There was no heartbeat.\n"


def test_process_whose_heart_stopped_is_not(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    heartbeat.beat()
    long_ago = time.time() - heartbeat.DEAD_AFTER_SECONDS - 5
    os.utime(file, (long_ago, long_ago))
    assert heartbeat.main() == 1
    assert capsys.readouterr().err == "The last heartbeat was 20 s ago.\n"
    heartbeat.beat()
    assert heartbeat.main() == 0


def test_without_a_file_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(heartbeat.VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)
    heartbeat.beat()
    assert not list(tmp_path.iterdir())


def test_check_says_that_no_file_is_named() -> None:
    kept = {name: value for name, value in os.environ.items() if name != heartbeat.VARIABLE}
    done = subprocess.run(
        [sys.executable, "-m", "kcpcache.heartbeat"],
        cwd=servers.PROJECT,
        env=kept,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (2, "KCPCACHE_HEARTBEAT_FILE is not set.\n")
