"""A worker that is asked to stop ends, whatever Celery's pool still waits for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from celery.worker import state

from kcpcache import softstop
from tests import servers
from tests.servers import PROJECT
from tests.waiting import until

WORKER = """
import sys, time
from celery.concurrency import prefork
from kcpcache import softstop
from kcpcache.celery import app

if sys.argv[1] == "hangs":
    softstop.IDLE_SECONDS = 1.0
    prefork.TaskPool.on_stop = lambda pool: time.sleep(600)
app.worker_main(["worker", "--concurrency", "1", "-Q", "controllers"])
"""


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    """What a worker needs: a broker, and a data directory."""
    with servers.redis(tmp_path / "redis" / "redis.sock") as url:
        yield {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "kcpcache.settings",
            "KCPCACHE_DATA_DIR": str(tmp_path),
            "KCPCACHE_LOG_LEVEL": "DEBUG",
            "KCPCACHE_REDIS_URL": url,
            "KCPCACHE_BROKER_URL": url.replace("unix://", "redis+socket://").replace(
                "?db=0", "?virtual_host=1"
            ),
        }


@pytest.mark.parametrize("pool", ["hangs", "ends"])
def test_worker_ends_although_its_pool_does_not(
    tmp_path: Path, environment: dict[str, str], pool: str
) -> None:
    log = tmp_path / "worker.log"
    with (
        log.open("wb") as output,
        subprocess.Popen(
            [sys.executable, "-c", WORKER, pool], cwd=PROJECT, env=environment, stdout=output, stderr=output
        ) as process,
    ):
        try:
            children = until(lambda: servers.descendants(process.pid), timeout_seconds=30, what="the pool")
            until(lambda: "ready." in log.read_text(), timeout_seconds=30, what="the consumer")
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
        finally:
            process.kill()
    assert ("the worker ends without it" in log.read_text()) is (pool == "hangs")
    until(lambda: not any(map(servers.alive, children)), what="the pool's processes to end")


def test_worker_waits_for_a_task_that_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[bool] = []

    class Ended(BaseException):
        pass

    def look(_seconds: float) -> None:
        looks.append(bool(state.active_requests))
        if len(looks) == 50:
            running.clear()

    def end(_code: int) -> None:
        raise Ended

    running = {object()}
    monkeypatch.setattr(state, "active_requests", running)
    now = iter(range(10_000))
    monkeypatch.setattr(softstop.time, "monotonic", lambda: float(next(now)))
    monkeypatch.setattr(softstop.time, "sleep", look)
    monkeypatch.setattr(softstop.os, "_exit", end)
    monkeypatch.setattr(softstop.faulthandler, "dump_traceback", lambda **_: None)
    with pytest.raises(Ended):
        softstop.end_when_idle()
    assert looks.count(True) == 50
    assert 1 < looks.count(False) <= softstop.IDLE_SECONDS
