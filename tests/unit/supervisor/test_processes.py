"""Children of the supervisor, with real processes."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from supervisor import processes
from supervisor.processes import Family, Program
from tests import servers
from tests.waiting import until

TALKER = "import time; print('up', flush=True)\nwhile True: time.sleep(60)"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True)\n"
    "while True: time.sleep(60)"
)
PARENT = (
    "import subprocess; p = subprocess.Popen(['sleep', '60']); print('child', p.pid, flush=True); p.wait()"
)


@pytest.fixture
def log() -> io.BytesIO:
    return io.BytesIO()


@pytest.fixture
def family(log: io.BytesIO) -> Iterator[Family]:
    family = Family(os.environ, [], log)
    yield family
    family.kill()
    family.stop([])


def python(name: str, code: str, **options: float) -> Program:
    return Program(name, processes.python("-c", code), **options)  # type: ignore[arg-type]


def logged(family: Family, log: io.BytesIO, text: str, times: int = 1) -> None:
    """Attend to the family until its log says something that often."""

    def said() -> bool:
        family.attend(0.05)
        return log.getvalue().decode().count(text) >= times

    until(said, what=repr(text))


def test_output_is_forwarded_line_by_line_with_the_childs_name(family: Family, log: io.BytesIO) -> None:
    family.start(python("web", TALKER))
    logged(family, log, "web    | up\n")


def test_a_killed_child_is_started_again(family: Family, log: io.BytesIO) -> None:
    child = family.start(python("web", TALKER))
    logged(family, log, "| up")
    assert child.process is not None
    first = child.process.pid
    os.kill(first, signal.SIGKILL)
    logged(family, log, "| up", times=2)
    assert child.process is not None
    assert child.process.pid != first
    assert "ended with code -9; starts again in 0.2 s" in log.getvalue().decode()


def test_a_child_that_keeps_crashing_is_started_ever_more_seldom(family: Family, log: io.BytesIO) -> None:
    child = family.start(python("web", "raise SystemExit(3)"))
    logged(family, log, "ended with code 3", times=3)
    assert (child.crashes, child.last_code) == (3, 3)
    assert child.backoff_seconds == pytest.approx(processes.FIRST_BACKOFF_SECONDS * 8)


def test_what_a_child_says_last_is_kept(family: Family, log: io.BytesIO) -> None:
    family.start(python("web", "import sys; sys.stdout.write('no newline'); sys.exit(1)"))
    logged(family, log, "ended with code 1")
    assert "web    | no newline\n" in log.getvalue().decode()


def test_children_stop_in_the_given_order(family: Family, log: io.BytesIO) -> None:
    code = (
        "import signal, sys\n"
        "signal.signal(signal.SIGTERM, lambda *_: (print('bye', flush=True), sys.exit()))\n"
        "print('up', flush=True)\nwhile True: signal.pause()"
    )
    for name in ("redis", "worker", "web"):
        family.start(python(name, code))
    logged(family, log, "| up", times=3)
    family.stop(["web", "worker", "redis"])
    goodbyes = [line.split()[0] for line in log.getvalue().decode().splitlines() if line.endswith("bye")]
    assert goodbyes == ["web", "worker", "redis"]


def test_a_child_that_ignores_sigterm_is_killed_after_its_deadline(family: Family, log: io.BytesIO) -> None:
    child = family.start(python("worker", STUBBORN, stop_seconds=0.2))
    logged(family, log, "| up")
    assert child.process is not None
    pid = child.process.pid
    began = time.monotonic()
    family.stop(["worker"])
    assert not servers.alive(pid)
    assert time.monotonic() - began < 10
    assert "did not stop within" in log.getvalue().decode()


def test_what_a_killed_child_had_started_goes_with_it(family: Family, log: io.BytesIO) -> None:
    child = family.start(python("worker", PARENT))
    logged(family, log, "| child")
    grandchild = int(log.getvalue().split()[-1])
    assert child.process is not None
    os.kill(child.process.pid, signal.SIGKILL)
    logged(family, log, "ended with code -9")
    until(lambda: not servers.alive(grandchild), what="the end of the grandchild")


def test_no_child_outlives_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    code = (
        "import os, sys\nfrom supervisor.processes import Family, Program\n"
        "family = Family(os.environ, [], sys.stderr.buffer)\n"
        "children = [family.start(Program(name, ['sleep', '60'])) for name in ('web', 'worker')]\n"
        "print(*(child.process.pid for child in children), flush=True)\n"
        "while True: family.attend(60)"
    )
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, cwd=servers.PROJECT, stdout=subprocess.PIPE) as supervisor:
        assert supervisor.stdout is not None
        pids = [int(pid) for pid in supervisor.stdout.readline().split()]
        assert [servers.alive(pid) for pid in pids] == [True, True]
        supervisor.kill()
    until(lambda: not any(servers.alive(pid) for pid in pids), what="the end of the children")
