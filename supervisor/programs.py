"""The programs of a deployment: the same command lines whether one supervisor runs them or many machines."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from supervisor import embedded
from supervisor.processes import Program, python

COMMANDS = ("-m", "kcpcache")  # what `manage.py` runs, wherever the packages are installed
QUEUES = "default,controllers,replication"
STOP_ORDER = ("prepare", "web", "beat", "worker", "redis")


def redis(socket_path: Path) -> Program:
    """The embedded Redis-compatible server."""
    return Program("redis", embedded.command(socket_path, socket_path.parent))


def web() -> Program:
    """The API, the views and the admin."""
    return Program("web", python(*COMMANDS, "web"))


def worker() -> Program:
    """A Celery worker for all queues. Killed without delay if orphaned: its tasks are given to others."""
    arguments = ["-m", "celery", "--quiet", "-A", "kcpcache", "worker", "-Q", QUEUES]
    arguments += ["--without-gossip", "--without-mingle"]
    return Program("worker", python(*arguments), orphan_signal=signal.SIGKILL, stop_seconds=10.0)


def beat() -> Program:
    """The clock of the sweeps."""
    arguments = ["-m", "celery", "--quiet", "-A", "kcpcache", "beat", "--pidfile="]
    return Program("beat", python(*arguments), orphan_signal=signal.SIGKILL, stop_seconds=3.0)


def environment(root: Path, data_dir: Path) -> dict[str, str]:
    """What the children are given besides the supervisor's own environment; `root` is where the packages lie."""
    search_path = [str(root), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(search_path),
        "PYTHONUNBUFFERED": "1",
        "DJANGO_SETTINGS_MODULE": "kcpcache.settings",
        "KCPCACHE_DATA_DIR": str(data_dir),
        "CELERY_SKIP_CHECKS": "1",  # `prepare` has run them; a worker would import all views for them
        "MALLOC_ARENA_MAX": "2",  # threads share memory arenas: smaller processes
    }
