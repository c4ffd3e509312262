"""What Docker would do, with plain processes: files, names and addresses of their own, signals, health checks."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

from tests import servers
from tests.servers import PROJECT, free_port
from tests.topology.compose import Service
from tests.waiting import until


class Network:
    """What is shared: volumes, the servers' addresses, and the programs that the images of others bring."""

    def __init__(
        self, directory: Path, postgres_socket: Path, redis_binary: Path, postgres_bin: Path
    ) -> None:
        self.directory = directory
        self.postgres_socket = postgres_socket
        self.redis_port = free_port()
        self._programs = directory / "bin"
        self._programs.mkdir()
        at_redis = f"-p {self.redis_port}"
        self._program("valkey-server", f"{redis_binary} --port {self.redis_port} --bind 127.0.0.1")
        self._program("valkey-cli", f"{redis_binary.with_name('redis-cli')} {at_redis}")
        self._program("pg_isready", f"{postgres_bin / 'pg_isready'} --host={postgres_socket}")

    def volume(self, name: str) -> Path:
        """The directory of a volume."""
        path = self.directory / "volumes" / name
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path

    def search_path(self) -> str:
        """PATH inside a container."""
        return os.pathsep.join([str(self._programs), str(Path(sys.executable).parent), os.environ["PATH"]])

    def _program(self, name: str, command: str) -> None:
        path = self._programs / name
        path.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
        path.chmod(0o755)


class Container:
    """One process of a service; several of one service are told apart by their names."""

    def __init__(self, network: Network, service: Service, name: str, **environment: str) -> None:
        """`environment` replaces what the file says."""
        self.service = service
        self.name = name
        self.log = network.directory / f"{name}.log"
        self.process: subprocess.Popen[bytes] | None = None
        self._network = network
        self._files = network.directory / name
        (self._files / "tmp").mkdir(parents=True)
        (self._files / "data").mkdir()
        # The WORKDIR of the image: ours has the project there, that of Redis its data.
        self._work_directory = PROJECT if service.is_built else self.data_dir
        self.environment = {
            "PATH": network.search_path(),
            "HOME": str(self._files),
            "LANG": "C.UTF-8",
            "PYTHONFAULTHANDLER": "1",
            **{key: self._here(value) for key, value in service.environment.items()},
            **environment,
        }

    @property
    def data_dir(self) -> Path:
        """What is /data inside."""
        return Path(self._here("/data"))

    def start(self) -> Container:
        """Run the service's command."""
        assert self.process is None or self.process.poll() is not None
        with self.log.open("ab") as log:
            self.process = self._spawn(self.service.command, stdout=log, stderr=subprocess.STDOUT)
        return self

    def ask_to_stop(self) -> None:
        """SIGTERM, as Docker sends it."""
        if self.process is not None:
            self.process.terminate()

    def stop(self) -> int:
        """End it as Docker does; the exit code. Nothing of its group is left."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return servers.end_of(self.process, self.log)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)

    def is_healthy(self) -> bool:
        """Run the service's health check."""
        assert self.service.health, f"{self.service.name} has no health check"
        assert self.process is None or self.process.poll() is None, f"{self.name} ended:\n{self.output()}"
        check = self._spawn(self.service.health, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return check.wait(timeout=30) == 0

    def until_healthy(self) -> Container:
        """Wait for the health check."""
        until(self.is_healthy, timeout_seconds=60, what=f"{self.name} to be healthy (log: {self.log})")
        return self

    def output(self) -> str:
        """What it has printed."""
        return self.log.read_text(errors="replace")

    def _spawn(self, command: list[str], **streams: object) -> subprocess.Popen[bytes]:
        program = shutil.which(command[0], path=self.environment["PATH"])
        assert program is not None, f"{self.name}: {command[0]} is not there"
        return subprocess.Popen(
            [program, *(self._here(part) for part in command[1:])],
            cwd=self._work_directory,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            process_group=0,
            **streams,  # type: ignore[call-overload]
        )

    def _here(self, value: str) -> str:
        """A value of the file with this machine's paths and addresses."""
        for mounted, volume in self.service.volumes.items():
            if value == mounted:
                return str(self._network.volume(volume))
        if value.startswith(("/data", "/tmp")):
            path = self._files / value[1:]
            path.parent.mkdir(exist_ok=True)
            return str(path)
        value = value.replace("@postgres:5432/", f"@{quote(str(self._network.postgres_socket), safe='')}/")
        return value.replace("@redis:6379/", f"@127.0.0.1:{self._network.redis_port}/")
