"""The instance that is measured: one that runs already, or a fresh one in a directory of its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench import target
from bench.target import Target
from supervisor import datadir, readiness

PROJECT = Path(__file__).resolve().parent.parent
READY_SECONDS = 120.0
STOP_SECONDS = 60.0


class NotReady(Exception):
    """A fresh instance did not start."""


@dataclass(frozen=True, slots=True)
class Instance:
    """A server, and what is known of it when it runs on this machine: data directory, supervisor, Redis socket."""

    target: Target
    data_dir: Path | None = None
    supervisor_pid: int | None = None

    @property
    def redis_socket(self) -> Path | None:
        """The embedded Redis, if it can be reached."""
        found = self.data_dir / "redis" / "redis.sock" if self.data_dir else None
        return found if found and found.exists() else None

    def environment(self) -> dict[str, str]:
        """For management commands of this instance; only where `data_dir` is known."""
        assert self.data_dir is not None
        return environment(self.data_dir, self.target.port)


NOWHERE = Instance(Target("", ""))  # for workloads that start instances of their own


def running(server: Target, data_dir: Path | None) -> Instance:
    """An instance that runs; `data_dir` counts only if a supervisor holds it."""
    pid = _supervisor_pid(data_dir) if data_dir else None
    return Instance(server, data_dir.resolve() if data_dir and pid else None, pid)


def _supervisor_pid(data_dir: Path) -> int | None:
    try:
        pid = int((data_dir / datadir.LOCK_FILE).read_text())
        return pid if b"\0up" in Path(f"/proc/{pid}/cmdline").read_bytes() else None
    except (OSError, ValueError):
        return None


@contextlib.contextmanager
def directory() -> Iterator[Path]:
    """A data directory that is gone afterwards."""
    made = Path(tempfile.mkdtemp(prefix="kcpcache-bench-"))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


@contextlib.contextmanager
def fresh(data_dir: Path) -> Iterator[Instance]:
    """Run `manage.py up` in a data directory until the block ends; NotReady with what it printed."""
    port = free_port()
    log = data_dir.with_name(data_dir.name + ".log")
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, str(PROJECT / "manage.py"), "up"],
            env=environment(data_dir, port),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        _await(process, data_dir, port, log)
        server = target.from_kubeconfig(data_dir / "admin.kubeconfig")
        yield Instance(server, data_dir, process.pid)
    finally:
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
        process.kill()
        process.wait()
        log.unlink(missing_ok=True)


def free_port() -> int:
    """A port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(data_dir: Path, port: int) -> dict[str, str]:
    """The caller's environment with the data directory and port of an instance, and no settings of another."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("KCPCACHE_", "DJANGO_", "DATABASE_URL"))
    }
    return {**inherited, "KCPCACHE_DATA_DIR": str(data_dir), "KCPCACHE_PORT": str(port)}


def _await(process: subprocess.Popen[bytes], data_dir: Path, port: int, log: Path) -> None:
    authority = data_dir / "pki" / "ca.crt"
    deadline = time.monotonic() + READY_SECONDS
    while not (authority.exists() and readiness.ready("127.0.0.1", port, authority)):
        if process.poll() is not None or time.monotonic() > deadline:
            raise NotReady(f"The instance did not start:\n{log.read_text(errors='replace')[-4000:]}")
        time.sleep(0.01)
