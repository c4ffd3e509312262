"""Processes and memory, of this process itself."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from bench import memory, processes
from tests.waiting import until


def test_children_of_children_belong_to_an_instance() -> None:
    nested = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'input()'])"
    with subprocess.Popen([sys.executable, "-c", nested], stdin=subprocess.PIPE) as child:
        found = until(lambda: processes.of(child.pid)[1:], what="the child's child")
        assert found[0].pid not in (child.pid, os.getpid())
        child.communicate(b"\n")


def test_memory_is_that_of_the_processes() -> None:
    found = memory.read(os.getpid())
    assert 5_000_000 < found.pss_bytes <= found.rss_bytes


def test_a_peak_without_a_supervisor_is_not_known() -> None:
    with memory.Peak(None) as peak:
        pass
    assert peak.pss_bytes is None


def test_work_takes_cpu_time() -> None:
    before = sum(processes.cpu_seconds(processes.of(os.getpid())).values())
    deadline = time.process_time() + 0.1
    while time.process_time() < deadline:
        sum(range(10_000))
    assert sum(processes.cpu_seconds(processes.of(os.getpid())).values()) >= before + 0.05
