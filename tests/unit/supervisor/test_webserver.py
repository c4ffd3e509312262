"""The end of a web process."""

from __future__ import annotations

import signal
import subprocess
from contextlib import ExitStack

from tests.unit.supervisor.test_connections import answered, connected, head, web_process

MOST_SECONDS = 15.0  # the machine may be busy; without a bound it is for ever


def stopped(process: subprocess.Popen[bytes]) -> int:
    """The exit code of a process that is asked to stop; TimeoutExpired when it goes on."""
    process.send_signal(signal.SIGTERM)
    return process.wait(MOST_SECONDS)


def test_request_that_never_ends_in_a_thread_does_not_keep_the_process() -> None:
    with web_process() as (process, port), ExitStack() as clients:
        hanging, streaming, idle, silent, uploading = (
            clients.enter_context(connected(port)) for _ in range(5)
        )
        hanging.sendall(head(path="/hang"))
        answered(hanging, b"hangs\r\n")
        streaming.sendall(head(path="/open"))
        answered(streaming, b"open\r\n")
        idle.sendall(head())
        answered(idle)
        silent.sendall(b"GET /")
        uploading.sendall(head("content-length: 10", method="POST"))
        assert stopped(process) == 1  # it had to give something up


def test_process_with_idle_connections_ends_at_once_and_cleanly() -> None:
    with web_process() as (process, port), connected(port) as idle:
        idle.sendall(head())
        answered(idle)
        assert stopped(process) == 0
