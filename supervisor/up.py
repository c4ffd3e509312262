"""`manage.py up`: everything under one supervisor. It loads no Django apps, to stay small."""

from __future__ import annotations

import argparse
import contextlib
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Self

from django.core.exceptions import ImproperlyConfigured

from supervisor import datadir, embedded, lines, parentdeath, programs, readiness
from supervisor.errors import StartRefused
from supervisor.processes import Child, Family, python

READY_SECONDS = 60.0
CRASHES_BEFORE_READY = 3
ROOT = Path(__file__).resolve().parent.parent  # of the packages


def main(arguments: list[str]) -> int:
    """Start everything, wait until it answers, run until a signal; the exit code (1 with one sentence on
    stderr when it cannot start)."""
    parser = argparse.ArgumentParser(
        prog="manage.py up",
        description="Start web, worker, beat and, unless KCPCACHE_REDIS_URL is set, Redis.",
    )
    parser.add_argument(
        "--without",
        action="append",
        default=[],
        choices=["worker", "beat"],
        help="leave a process out, for one that runs elsewhere; may be repeated",
    )
    without = parser.parse_args(arguments).without
    try:
        from kcpcache import settings

        with datadir.claim(settings.KCPCACHE_DATA_DIR) as lock, Signals() as signals:
            readiness.refuse_taken_port(settings.KCPCACHE_HOST, settings.KCPCACHE_PORT)
            environment = programs.environment(ROOT, settings.KCPCACHE_DATA_DIR)
            line = lines.FORMATS[settings.KCPCACHE_LOG_FORMAT]
            family = Family(environment, [lock], sys.stderr.buffer, line)
            try:
                return _run(family, signals, environment, without)
            finally:
                signals.hurry = family.kill
                family.stop(programs.STOP_ORDER)
                database = settings.DATABASES["default"]
                if database["ENGINE"] == "django.db.backends.sqlite3":
                    datadir.fold_log(Path(database["NAME"]))
    except (StartRefused, ImproperlyConfigured) as refusal:
        sys.stderr.write(f"kcpcache: {refusal}\n")
        return 1


class Signals:
    """Requests to stop, and the wake-up of the loop by any signal."""

    def __init__(self) -> None:
        self.stop = False
        self.hurry: Callable[[], None] | None = None  # what a second request does
        self._waker, self._wakened = socket.socketpair()

    def __enter__(self) -> Self:
        for end in (self._waker, self._wakened):
            end.setblocking(False)
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._asked_to_stop)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # a handler, so that the loop wakes up
        return self

    def __exit__(self, *_: object) -> None:
        signal.set_wakeup_fd(-1)
        for end in (self._waker, self._wakened):
            end.close()

    def wait(self, family: Family, timeout_seconds: float) -> bool:
        """Attend to the children until a signal comes or time is up; False once we shall stop."""
        if not self.stop:
            family.attend(timeout_seconds, also=self._wakened.fileno())
        with contextlib.suppress(BlockingIOError):
            self._wakened.recv(4096)
        return not self.stop

    def _asked_to_stop(self, *_: object) -> None:
        if self.stop and self.hurry is not None:
            self.hurry()
        self.stop = True


def _run(family: Family, signals: Signals, environment: Mapping[str, str], without: list[str]) -> int:
    """Everything from the first child to the request to stop."""
    from kcpcache import settings

    redis = None
    if settings.KCPCACHE_REDIS_EMBEDDED:
        datadir.make_private(settings.KCPCACHE_REDIS_SOCKET.parent)
        redis = family.start(programs.redis(settings.KCPCACHE_REDIS_SOCKET))
    code = _prepare(family, signals, environment)
    if code or signals.stop:
        return code
    if redis is not None:
        _await(family, signals, [redis], lambda: embedded.answers(settings.KCPCACHE_REDIS_SOCKET))
    wanted = [
        programs.web(),
        programs.worker(),
        programs.beat(),
    ]
    children = [family.start(program) for program in wanted if program.name not in without]
    _await(family, signals, children, readiness.is_ready)
    if not signals.stop:
        _announce(settings.KCPCACHE_EXTERNAL_URL, settings.KCPCACHE_DATA_DIR)
    while signals.wait(family, 3600.0):
        continue
    return 0


def _prepare(family: Family, signals: Signals, environment: Mapping[str, str]) -> int:
    """Check, migrate and bootstrap in a child, which says itself what is wrong; its exit code."""
    parent = os.getpid()
    process = subprocess.Popen(
        python(*programs.COMMANDS, "prepare"),
        stdin=subprocess.DEVNULL,
        env=environment,
        process_group=0,
        preexec_fn=lambda: parentdeath.request(signal.SIGTERM, parent),  # noqa: PLW1509 - one thread only
    )
    while process.poll() is None:
        if not signals.wait(family, 1.0):
            process.terminate()
            process.wait()
            return 0
    return process.returncode


def _await(family: Family, signals: Signals, children: list[Child], ready: Callable[[], bool]) -> None:
    """Wait until something is ready or we shall stop; StartRefused if a child keeps crashing before."""
    deadline = time.monotonic() + READY_SECONDS
    while not signals.stop and not ready():
        for child in children:
            if child.crashes >= CRASHES_BEFORE_READY:
                raise StartRefused(
                    f"The {child.program.name} process does not start (exit code {child.last_code}); "
                    "what it printed is above."
                )
        if time.monotonic() > deadline:
            raise StartRefused(f"The service did not become ready within {READY_SECONDS:.0f} seconds.")
        signals.wait(family, 0.05)


def _announce(external_url: str, data_dir: Path) -> None:
    """Say where everything is, for people."""
    kubeconfig = data_dir / "admin.kubeconfig"
    with contextlib.suppress(OSError):
        sys.stdout.write(
            "kcpcache is ready.\n"
            f"  API         {external_url}/clusters/root\n"
            f"  admin       {external_url}/admin/\n"
            f"  kubeconfig  {kubeconfig}\n"
            f"Try: kubectl --kubeconfig {shlex.quote(str(kubeconfig))} api-resources\n"
        )
        sys.stdout.flush()
