"""A bare Celery worker between a broker behind a door and a cache: what it needs to work, and nothing else."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import redis
from celery import Celery

from supervisor import programs
from tests import servers
from tests.faults import chores
from tests.faults.cutter import Cutter
from tests.waiting import until

STOP_SECONDS = 30.0  # within which a worker must have ended that was asked to


class Bench:
    """Two Redis servers, a door before the first, and workers that go through it."""

    def __init__(self, directory: Path, broker: Path, cache: Path, door: Cutter) -> None:
        self.directory, self.door = directory, door
        self.cache: Any = redis.Redis(unix_socket_path=str(cache), decode_responses=True)
        self.broker: Any = redis.Redis(unix_socket_path=str(broker), decode_responses=True)
        self.broker_pid = int(self.broker.info("server")["process_id"])
        self._sender = Celery("sender", broker=f"redis+socket://{broker}?virtual_host=0")
        self._environment = {
            "KCPCACHE_DATA_DIR": str(directory / "data"),
            "KCPCACHE_BROKER_URL": f"redis+socket://{door.path}?virtual_host=0",
            "KCPCACHE_REDIS_URL": f"unix://{cache}?db=0",
            "PYTHONFAULTHANDLER": "1",
        }

    def send(self, name: str, seconds: float = 0.0) -> None:
        """One message, past the door."""
        self._sender.send_task(chores.TASK, args=(name, seconds), queue="default", ignore_result=True)

    def assert_works(self, worker: subprocess.Popen[bytes], log: Path) -> None:
        """A new message is done, and the worker has not ended."""
        name = uuid.uuid4().hex
        self.send(name)

        def is_done() -> bool:
            assert worker.poll() is None, f"the worker ended: {worker.returncode}\n{tail(log)}"
            return bool(self.cache.sismember(chores.DONE, name))

        try:
            until(is_done, timeout_seconds=30, what="a task to be done")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{tail(log)}") from None

    @contextlib.contextmanager
    def worker(self) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
        """A worker that has just been started, and its log; killed with the block."""
        log = self.directory / f"worker-{uuid.uuid4().hex[:8]}.log"
        command = [*programs.worker().command, "--include", "tests.faults.chores"]
        environment = {**programs.environment(servers.PROJECT, self.directory / "data"), **self._environment}
        with log.open("ab") as output:
            process = subprocess.Popen(
                command, env=environment, stdout=output, stderr=output, process_group=0
            )
        try:
            yield process, log
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)


def tail(log: Path) -> str:
    """The end of a log."""
    return log.read_text(errors="replace")[-8000:]


@contextlib.contextmanager
def running(directory: Path) -> Iterator[Bench]:
    """Everything but the workers."""
    broker, cache = directory / "broker" / "redis.sock", directory / "cache" / "redis.sock"
    with (
        servers.redis(broker),
        servers.redis(cache),
        Cutter(directory / "door.sock", broker) as door,
    ):
        yield Bench(directory, broker, cache, door)
