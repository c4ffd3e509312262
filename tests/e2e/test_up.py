"""`manage.py up`: where everything is, why it does not start, how it ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from functools import partial
from pathlib import Path

import pytest

from kcpcache import secretfiles
from tests import servers
from tests.servers import Server
from tests.waiting import until

pytestmark = pytest.mark.e2e


def _sentence(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode != 0
    assert "Traceback" not in done.stderr, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("kcpcache: ")]
    assert len(lines) == 1, done.stderr
    assert lines[0].endswith("."), done.stderr
    return lines[0]


def run_up(server: Server) -> subprocess.CompletedProcess[str]:
    """`manage.py up`, expected to end by itself."""
    return server.manage("up", check=False)


def _is_printed(server: Server, text: str) -> bool:
    return text in server.log.read_text()


def test_it_says_where_everything_is(server: Server) -> None:
    for part in (f"{server.url}/clusters/root", f"{server.url}/admin/", str(server.kubeconfig)):
        # The service answers a moment before its supervisor has seen so and says where it is.
        until(partial(_is_printed, server, part), what=part)


def test_port_in_use_is_refused(tmp_path: Path) -> None:
    server = Server(tmp_path / "data")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", server.port))
        taken.listen()
        assert str(server.port) in _sentence(run_up(server))


def test_second_instance_on_the_same_data_is_refused(server: Server) -> None:
    second = Server(server.data_dir)
    assert second.port != server.port
    assert str(server.data_dir) in _sentence(run_up(second))


def test_data_directory_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "file" in _sentence(run_up(Server(tmp_path / "file" / "data")))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_data_directory_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir(mode=0o500)
    assert "data" in _sentence(run_up(Server(data)))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("KCPCACHE_PORT", "many"),
        ("KCPCACHE_PORT", "70000"),
        ("KCPCACHE_REDIS_URL", "http://example.com"),
        ("DATABASE_URL", "mysql://localhost/x"),
        ("KCPCACHE_ENCRYPTION_KEYS", "short"),
        ("KCPCACHE_LOG_LEVEL", "LOUD"),
        ("KCPCACHE_TOKEN_AUTH_FILE", "/no/such/file.csv"),
    ],
)
def test_wrong_environment_is_refused_and_named(tmp_path: Path, name: str, value: str) -> None:
    server = Server(tmp_path / "data", **{name: value})
    assert name in _sentence(run_up(server))


def test_redis_that_cannot_be_reached_is_refused(tmp_path: Path) -> None:
    url = f"redis://127.0.0.1:{servers.free_port()}/0"
    assert "edis" in _sentence(run_up(Server(tmp_path / "data", KCPCACHE_REDIS_URL=url)))


def test_database_that_cannot_be_reached_is_refused(tmp_path: Path) -> None:
    url = f"postgresql://nobody:secret@127.0.0.1:{servers.free_port()}/none"
    key = secretfiles.encryption_key()  # without it there is a warning besides
    sentence = _sentence(run_up(Server(tmp_path / "data", DATABASE_URL=url, KCPCACHE_ENCRYPTION_KEYS=key)))
    assert "database" in sentence
    assert "secret" not in sentence


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_everything(tmp_path: Path, number: signal.Signals) -> None:
    server = Server(tmp_path / "data").start()
    process = server.process
    assert process is not None
    children = servers.descendants(process.pid)
    assert len(children) >= 4
    process.send_signal(number)
    assert process.wait(timeout=30) == 0
    assert not [pid for pid in children if servers.alive(pid)]


def test_open_watches_do_not_delay_the_end(tmp_path: Path) -> None:
    server = Server(tmp_path / "data").start()
    output = tmp_path / "watch"
    with server.kubectl_running("get", "namespaces", "-w", output=output):
        until(lambda: "default" in output.read_text(), what="the watch")
        process = server.process
        assert process is not None
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
