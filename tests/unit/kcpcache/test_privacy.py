"""What the data directory holds is read by its user alone, from the first moment on."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import servers

NOBODY = 65534
START = """
import django; django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
"""

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that every user can enter: pytest's own are closed, and would prove nothing."""
    directory = Path(tempfile.mkdtemp(prefix="kcpcache-privacy-"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


def start(data_dir: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command that makes keys and a database, with the umask of most machines."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KCPCACHE_")}
    return subprocess.run(
        [sys.executable, "-c", START],
        cwd=servers.PROJECT,
        env={
            **kept,
            "DJANGO_SETTINGS_MODULE": "kcpcache.settings",
            "KCPCACHE_DATA_DIR": str(data_dir),
            **environment,
        },
        preexec_fn=lambda: os.umask(0o022) and None,
        capture_output=True,
        text=True,
        check=False,
    )


def succeeds_as_another_user(action: Callable[[], object]) -> bool:
    """Whether a real user of the machine who is not ours can do something."""
    child = os.fork()
    if not child:
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            action()
        except OSError:
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def open_files(directory: Path) -> list[Path]:
    return [found for found in directory.rglob("*") if stat.S_IMODE(found.stat().st_mode) & 0o077]


def test_everything_is_private_from_the_first_moment(place: Path) -> None:
    done = start(place / "data")
    assert done.returncode == 0, done.stderr
    assert stat.S_IMODE((place / "data").stat().st_mode) == 0o700
    assert {"kcpcache.sqlite3", "secret.key", "encryption.keys"} <= {
        each.name for each in (place / "data").iterdir()
    }
    assert open_files(place / "data") == []


@as_root
def test_open_directory_of_ours_is_closed_to_other_users_and_said_so(place: Path) -> None:
    data = place / "data"
    assert start(data).returncode == 0
    data.chmod(0o755)
    for file in data.iterdir():
        file.chmod(0o644)
    for name in ("secret.key", "kcpcache.sqlite3"):
        assert succeeds_as_another_user((data / name).read_bytes)
    done = start(data)
    assert done.returncode == 0, done.stderr
    assert f"kcpcache: The directory {data} could be entered by others (mode 0755)" in done.stderr
    assert f"{data}/secret.key could be read by others (mode 0644)" in done.stderr
    assert not succeeds_as_another_user(lambda: list(data.iterdir()))
    assert open_files(data) == []
    data.chmod(0o755)  # the files by themselves are closed, too
    for name in ("secret.key", "kcpcache.sqlite3"):
        assert not succeeds_as_another_user((data / name).read_bytes)


@as_root
def test_open_directory_of_another_user_is_refused(place: Path) -> None:
    data = place / "data"
    data.mkdir()
    os.chown(data, NOBODY, NOBODY)
    data.chmod(0o755)
    done = start(data)
    assert done.returncode != 0
    assert "belongs to another user" in done.stderr
    assert list(data.iterdir()) == []


@as_root
def test_file_that_another_user_has_put_into_an_open_directory_is_refused(place: Path) -> None:
    data = place / "data"
    data.mkdir()
    (data / "secret.key").write_text("planted")
    os.chown(data / "secret.key", NOBODY, NOBODY)
    data.chmod(0o777)
    done = start(data)
    assert done.returncode != 0
    assert "secret.key in it belongs to another user" in done.stderr


def test_open_directory_that_holds_other_things_is_refused_and_left_alone(place: Path) -> None:
    (place / "of-somebody").write_text("")
    done = start(place)
    assert done.returncode != 0
    assert "holds other things" in done.stderr
    assert stat.S_IMODE(place.stat().st_mode) == 0o755


def test_database_elsewhere_is_closed_too(place: Path) -> None:
    database = place / "db.sqlite3"
    assert start(place / "data", DATABASE_URL=f"sqlite:///{database}").returncode == 0
    assert stat.S_IMODE(database.stat().st_mode) == 0o600
    database.chmod(0o644)
    done = start(place / "data", DATABASE_URL=f"sqlite:///{database}")
    assert f"{database} could be read by others" in done.stderr
    assert stat.S_IMODE(database.stat().st_mode) == 0o600


def test_named_token_file_of_ours_is_mended_with_a_sentence(place: Path) -> None:
    file = place / "tokens.csv"
    file.write_text("a-token,jane,1\n")
    file.chmod(0o644)
    done = start(place / "data", KCPCACHE_TOKEN_AUTH_FILE=str(file))
    assert done.returncode == 0, done.stderr
    assert f"KCPCACHE_TOKEN_AUTH_FILE {file} could be read by others (mode 0644)" in done.stderr
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@as_root
def test_named_key_file_of_another_user_is_refused(place: Path) -> None:
    file = place / "server.key"
    file.write_text("key")
    os.chown(file, NOBODY, NOBODY)
    file.chmod(0o640)
    done = start(place / "data", **{f"KCPCACHE_TLS_{part}_FILE": str(file) for part in ("CERT", "KEY", "CA")})
    assert done.returncode != 0
    assert f"KCPCACHE_TLS_KEY_FILE {file} can be read by others (mode 0640)" in done.stderr
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
