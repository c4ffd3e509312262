"""The data directory and its lock."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from supervisor import datadir
from supervisor.errors import StartRefused


def test_a_missing_directory_is_made_private(tmp_path: Path) -> None:
    with datadir.claim(tmp_path / "deep" / "data"):
        assert stat.S_IMODE((tmp_path / "deep" / "data").stat().st_mode) == 0o700


def test_a_second_instance_is_refused_and_the_first_named(tmp_path: Path) -> None:
    with (
        datadir.claim(tmp_path),
        pytest.raises(StartRefused, match=rf"process {os.getpid()}\) is running"),
        datadir.claim(tmp_path),
    ):
        pytest.fail("claimed twice")


def test_a_released_directory_can_be_claimed_again(tmp_path: Path) -> None:
    with datadir.claim(tmp_path):
        assert (tmp_path / datadir.LOCK_FILE).read_text() == str(os.getpid())
    with datadir.claim(tmp_path):
        assert (tmp_path / datadir.LOCK_FILE).read_text() == str(os.getpid())


def test_a_child_left_over_is_waited_for(tmp_path: Path) -> None:
    """The supervisor is gone, a child of it still holds the lock and ends soon."""
    program = "import sys; sys.stdin.readline()"
    with datadir.claim(tmp_path) as lock:
        child = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, pass_fds=[lock])
    (tmp_path / datadir.LOCK_FILE).write_text("4194305")  # no process can have this id
    with child:
        os.set_blocking(child.stdin.fileno(), True)  # type: ignore[union-attr]
        child.stdin.write(b"\n")  # type: ignore[union-attr]
        child.stdin.close()  # type: ignore[union-attr]
        with datadir.claim(tmp_path):
            assert child.wait(timeout=10) == 0


def test_a_child_that_stays_keeps_the_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datadir, "HANDOVER_SECONDS", 0.1)
    with datadir.claim(tmp_path) as lock:
        child = subprocess.Popen(["sleep", "60"], pass_fds=[lock])
    (tmp_path / datadir.LOCK_FILE).write_text("4194305")
    with child:
        try:
            with pytest.raises(StartRefused, match="Another instance"), datadir.claim(tmp_path):
                pytest.fail("claimed beside a child that is left over")
        finally:
            child.kill()


def test_a_place_where_nothing_can_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StartRefused, match="cannot be made"), datadir.claim(tmp_path / "file" / "data"):
        pytest.fail("claimed below a file")


def test_a_directory_open_to_others_is_made_private(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o755)
    datadir.make_private(shared)
    assert stat.S_IMODE(shared.stat().st_mode) == 0o700


def test_a_directory_open_to_others_that_holds_other_things_is_refused(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "file").write_text("")
    shared.chmod(0o755)
    with pytest.raises(StartRefused, match="holds other things"):
        datadir.make_private(shared)


def test_a_killed_writer_s_log_is_folded_into_the_database(tmp_path: Path) -> None:
    """After it the file alone has everything."""
    database = tmp_path / "database.sqlite3"
    program = (
        f"import os, sqlite3; writer = sqlite3.connect({str(database)!r}); writer.execute('PRAGMA journal_mode=WAL');"
        "writer.execute('CREATE TABLE kept (n)'); writer.execute('INSERT INTO kept VALUES (7)'); writer.commit();"
        "os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", program], check=False)
    log = tmp_path / "database.sqlite3-wal"
    assert log.stat().st_size
    datadir.fold_log(database)
    log.unlink(missing_ok=True)
    with contextlib.closing(sqlite3.connect(database)) as reader:
        assert reader.execute("SELECT n FROM kept").fetchall() == [(7,)]


def test_a_database_that_is_not_there_or_is_none_is_left_alone(tmp_path: Path) -> None:
    datadir.fold_log(tmp_path / "database.sqlite3")
    assert not list(tmp_path.iterdir())
    (tmp_path / "database.sqlite3").write_bytes(b"no database" * 100)
    datadir.fold_log(tmp_path / "database.sqlite3")
    assert (tmp_path / "database.sqlite3").read_bytes() == b"no database" * 100
